import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  dagProblems,
  nextSteps,
  runState,
  TRIGGER_RULES,
  type Node,
  type StepState,
  type TriggerRule,
} from '../../../src/jobs/dag.ts';

type Letter = 's' | 'f' | 'k' | 'u' | 'c' | 'r' | '-';
const STATES: Readonly<Record<Letter, StepState | undefined>> = {
  s: 'succeeded',
  f: 'failed',
  k: 'skipped',
  u: 'upstreamFailed',
  c: 'cancelled',
  r: 'running',
  '-': undefined,
};

/** What becomes of a step that needs two others in these states. */
function verdict(when: TriggerRule, needs: string): string {
  const names = [...needs].map((_, i) => `need${i}`);
  // Steps that have not started must not start here either: each waits for one that never ends.
  const nodes: Node[] = [
    { name: 'endless', needs: [], when: 'all_success' },
    ...names.map((name): Node => ({ name, needs: ['endless'], when: 'all_success' })),
    { name: 'step', needs: names, when },
  ];
  const states = new Map<string, StepState>([['endless', 'running']]);
  [...needs].forEach((letter, i) => {
    const state = STATES[letter as Letter];
    if (state !== undefined) states.set(names[i]!, state);
  });
  const { start, settled } = nextSteps(nodes, states);
  return start.includes('step') ? 'start' : (settled.get('step') ?? 'wait');
}

/** Airflow's `_evaluate_direct_relatives`, as a table: needs in order s(ucceeded) f(ailed) k(skipped) u(pstream failed). */
const CASES: Readonly<Record<TriggerRule, Readonly<Record<string, string>>>> = {
  all_success: {
    ss: 'start',
    's-': 'wait',
    'f-': 'upstreamFailed',
    sf: 'upstreamFailed',
    su: 'upstreamFailed',
    sk: 'skipped',
    fk: 'upstreamFailed',
    kk: 'skipped',
    rs: 'wait',
    sc: 'upstreamFailed',
  },
  all_failed: { ff: 'start', fu: 'start', 'f-': 'wait', fs: 'skipped', fk: 'skipped', '-s': 'skipped', cc: 'start' },
  all_done: { ss: 'start', fk: 'start', uf: 'start', 's-': 'wait', fr: 'wait', cs: 'start' },
  all_skipped: { kk: 'start', 'k-': 'wait', ks: 'skipped', kf: 'skipped', ku: 'skipped' },
  one_failed: { 'f-': 'start', 'u-': 'start', 's-': 'wait', ss: 'skipped', sk: 'skipped', rf: 'start' },
  one_success: { 's-': 'start', 'f-': 'wait', ff: 'upstreamFailed', fk: 'upstreamFailed', kk: 'skipped', rs: 'start' },
  one_done: { 's-': 'start', 'f-': 'start', 'k-': 'wait', kk: 'skipped', ku: 'skipped', rf: 'start' },
  none_failed: { ss: 'start', sk: 'start', kk: 'start', 'f-': 'upstreamFailed', su: 'upstreamFailed', 'k-': 'wait' },
  none_failed_min_one_success: {
    sk: 'start',
    kk: 'skipped',
    'f-': 'upstreamFailed',
    's-': 'wait',
    ku: 'upstreamFailed',
  },
  none_skipped: { sf: 'start', uf: 'start', 'k-': 'skipped', 's-': 'wait' },
  always: { '--': 'start', ff: 'start' },
};

describe('trigger rules', () => {
  for (const rule of TRIGGER_RULES) {
    it(`${rule} decides as Airflow does`, () => {
      const got = Object.fromEntries(Object.keys(CASES[rule]).map((needs) => [needs, verdict(rule, needs)]));
      assert.deepEqual(got, CASES[rule]);
    });
  }
});

describe('nextSteps', () => {
  const diamond: Node[] = [
    { name: 'a', needs: [], when: 'all_success' },
    { name: 'b', needs: ['a'], when: 'all_success' },
    { name: 'c', needs: ['a'], when: 'all_success' },
    { name: 'd', needs: ['b', 'c'], when: 'all_success' },
  ];

  it('starts everything that may run at the same time', () => {
    assert.deepEqual(nextSteps(diamond, new Map()).start, ['a']);
    assert.deepEqual(nextSteps(diamond, new Map([['a', 'succeeded']])).start, ['b', 'c']);
  });

  it('settles a whole branch at once when its beginning is skipped', () => {
    const { start, settled } = nextSteps(diamond, new Map([['a', 'skipped']]));
    assert.deepEqual(start, []);
    assert.deepEqual(
      [...settled],
      [
        ['b', 'skipped'],
        ['c', 'skipped'],
        ['d', 'skipped'],
      ],
    );
  });

  it('calls a run failed when a last step could not start', () => {
    const states = new Map<string, StepState>([['a', 'failed']]);
    for (const [name, state] of nextSteps(diamond, states).settled) states.set(name, state);
    assert.equal(runState(diamond, states), 'failed');
  });

  it('calls a run succeeded when a later step has dealt with a failure', () => {
    const nodes: Node[] = [
      { name: 'load', needs: [], when: 'all_success' },
      { name: 'repair', needs: ['load'], when: 'one_failed' },
    ];
    assert.equal(
      runState(
        nodes,
        new Map([
          ['load', 'failed'],
          ['repair', 'succeeded'],
        ]),
      ),
      'succeeded',
    );
  });
});

describe('dagProblems', () => {
  const node = (name: string, ...needs: string[]): Node => ({ name, needs, when: 'all_success' });

  it('names a circle step by step', () => {
    const [problem] = dagProblems([node('x'), node('a', 'c', 'x'), node('b', 'a'), node('c', 'b')]);
    assert.equal(problem?.problem, 'the steps need each other in a circle: a needs c needs b needs a');
  });

  it('names a step that needs itself', () => {
    assert.match(dagProblems([node('a', 'a')])[0]!.problem, /a needs a$/);
  });

  it('names a step that is not there', () => {
    assert.deepEqual(dagProblems([node('a', 'b')]), [{ step: 'a', problem: 'there is no step "b", expected a' }]);
  });
});
