/**
 * Decides which step of a run is next. Pure: the steps and what became of them so far are all it knows.
 *
 * The trigger rules are those of Airflow, with their meaning there. `upstream_failed` is a state of its own: a step
 * that could not start because one that it needs failed has neither failed nor been skipped.
 */
import { quote } from '../core/errors.ts';

export const TRIGGER_RULES = [
  'all_success',
  'all_failed',
  'all_done',
  'all_skipped',
  'one_failed',
  'one_success',
  'one_done',
  'none_failed',
  'none_failed_min_one_success',
  'none_skipped',
  'always',
] as const;

export type TriggerRule = (typeof TRIGGER_RULES)[number];

/** What became of a step. One that is absent has not started; `running` is not over. */
export type StepState = 'running' | 'succeeded' | 'failed' | 'skipped' | 'upstreamFailed' | 'cancelled';

export interface Node {
  readonly name: string;
  readonly needs: readonly string[];
  readonly when: TriggerRule;
}

export type States = ReadonlyMap<string, StepState>;

/** What is to be done with a step that has not started. */
type Verdict = 'wait' | 'start' | 'skip' | 'upstreamFailed';

/** The steps that may start now, and those that never will; their state is settled at once. */
export interface NextSteps {
  readonly start: readonly string[];
  readonly settled: ReadonlyMap<string, 'skipped' | 'upstreamFailed'>;
}

export function nextSteps(nodes: readonly Node[], states: States): NextSteps {
  const known = new Map(states);
  const settled = new Map<string, 'skipped' | 'upstreamFailed'>();
  // What is settled now may settle what comes after it, so in the order of the needs.
  for (const node of inOrder(nodes)) {
    if (known.has(node.name)) continue;
    const verdict = judge(node, known);
    if (verdict !== 'skip' && verdict !== 'upstreamFailed') continue;
    const state = verdict === 'skip' ? 'skipped' : 'upstreamFailed';
    known.set(node.name, state);
    settled.set(node.name, state);
  }
  const start = nodes.filter((node) => !known.has(node.name) && judge(node, known) === 'start');
  return { start: start.map(({ name }) => name), settled };
}

/** What becomes of the run when every step is over: what its last steps say, as in Airflow. */
export function runState(nodes: readonly Node[], states: States): 'succeeded' | 'failed' | 'skipped' {
  const needed = new Set(nodes.flatMap(({ needs }) => needs));
  const leaves = nodes.filter(({ name }) => !needed.has(name)).map(({ name }) => states.get(name));
  if (leaves.some((state) => state !== 'succeeded' && state !== 'skipped')) return 'failed';
  return leaves.every((state) => state === 'skipped') ? 'skipped' : 'succeeded';
}

/** The steps with those that they need before them. Whoever calls it has seen to it that there is no cycle. */
export function inOrder<T extends Node>(nodes: readonly T[]): readonly T[] {
  const byName = new Map(nodes.map((node) => [node.name, node]));
  const ordered = new Set<T>();
  const visit = (node: T): void => {
    if (ordered.has(node)) return;
    for (const need of node.needs) visit(byName.get(need)!);
    ordered.add(node);
  };
  for (const node of nodes) visit(node);
  return [...ordered];
}

/** What is wrong with the needs, with the step that it concerns. */
export function dagProblems(
  nodes: readonly Node[],
  noun = 'step',
): readonly { readonly step: string; readonly problem: string }[] {
  const names = new Set(nodes.map(({ name }) => name));
  const unknown = nodes.flatMap(({ name, needs }) =>
    needs
      .filter((need) => !names.has(need))
      .map((need) => ({
        step: name,
        problem: `there is no ${noun} ${quote(need)}, expected ${[...names].join(', ')}`,
      })),
  );
  if (unknown.length > 0) return unknown;
  const cycle = findCycle(nodes);
  if (cycle === undefined) return [];
  return [{ step: cycle[0]!, problem: `the ${noun}s need each other in a circle: ${cycle.join(' needs ')}` }];
}

function findCycle(nodes: readonly Node[]): readonly string[] | undefined {
  const needsOf = new Map(nodes.map(({ name, needs }) => [name, needs]));
  const done = new Set<string>();
  const visit = (name: string, path: readonly string[]): readonly string[] | undefined => {
    if (path.includes(name)) return [...path.slice(path.indexOf(name)), name];
    if (done.has(name)) return undefined;
    for (const need of needsOf.get(name) ?? []) {
      const cycle = visit(need, [...path, name]);
      if (cycle !== undefined) return cycle;
    }
    done.add(name);
    return undefined;
  };
  for (const { name } of nodes) {
    const cycle = visit(name, []);
    if (cycle !== undefined) return cycle;
  }
  return undefined;
}

interface Counts {
  readonly total: number;
  /** Over, however. */
  readonly done: number;
  readonly succeeded: number;
  readonly skipped: number;
  readonly failed: number;
  readonly upstreamFailed: number;
}

function judge({ needs, when }: Node, states: States): Verdict {
  return needs.length === 0 ? 'start' : RULES[when](count(needs, states));
}

function count(needs: readonly string[], states: States): Counts {
  const of = (...wanted: StepState[]) => needs.filter((need) => wanted.includes(states.get(need)!)).length;
  return {
    total: needs.length,
    done: of('succeeded', 'failed', 'skipped', 'upstreamFailed', 'cancelled'),
    succeeded: of('succeeded'),
    skipped: of('skipped'),
    failed: of('failed', 'cancelled'),
    upstreamFailed: of('upstreamFailed'),
  };
}

/** A rule decides as soon as it can, and not before: `all_success` need not wait for the rest once one has failed. */
const RULES: Readonly<Record<TriggerRule, (counts: Counts) => Verdict>> = {
  all_success({ total, succeeded, skipped, failed, upstreamFailed }) {
    if (failed + upstreamFailed > 0) return 'upstreamFailed';
    if (skipped > 0) return 'skip';
    return succeeded === total ? 'start' : 'wait';
  },
  all_failed({ total, succeeded, skipped, failed, upstreamFailed }) {
    if (succeeded + skipped > 0) return 'skip';
    return failed + upstreamFailed === total ? 'start' : 'wait';
  },
  all_done: ({ total, done }) => (done === total ? 'start' : 'wait'),
  all_skipped({ total, succeeded, skipped, failed, upstreamFailed }) {
    if (succeeded + failed + upstreamFailed > 0) return 'skip';
    return skipped === total ? 'start' : 'wait';
  },
  one_failed({ total, done, failed, upstreamFailed }) {
    if (failed + upstreamFailed > 0) return 'start';
    return done === total ? 'skip' : 'wait';
  },
  one_success({ total, done, succeeded, skipped }) {
    if (succeeded > 0) return 'start';
    if (done < total) return 'wait';
    return skipped === total ? 'skip' : 'upstreamFailed';
  },
  one_done({ total, done, succeeded, failed }) {
    if (succeeded + failed > 0) return 'start';
    return done === total ? 'skip' : 'wait';
  },
  none_failed({ total, done, failed, upstreamFailed }) {
    if (failed + upstreamFailed > 0) return 'upstreamFailed';
    return done === total ? 'start' : 'wait';
  },
  none_failed_min_one_success({ total, done, succeeded, failed, upstreamFailed }) {
    if (failed + upstreamFailed > 0) return 'upstreamFailed';
    if (done < total) return 'wait';
    return succeeded > 0 ? 'start' : 'skip';
  },
  none_skipped({ total, done, skipped }) {
    if (skipped > 0) return 'skip';
    return done === total ? 'start' : 'wait';
  },
  always: () => 'start',
};
