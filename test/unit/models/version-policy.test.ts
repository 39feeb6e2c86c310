import assert from 'node:assert/strict';
import { describe, it, test } from 'node:test';
import fc from 'fast-check';
import {
  nextAction,
  servingVersion,
  wantedVersions,
  type Action,
  type KnownVersion,
  type ModelState,
} from '../../../src/models/version-policy.ts';

type Letter = 'a' | 'l' | 'o' | 'f' | 'L';

/** `3l` is version 3, live; a: absent, o: outdated, f: failed, L: live but its files are gone. */
function known(text: string): KnownVersion[] {
  const states = { a: 'absent', l: 'live', o: 'outdated', f: 'failed', L: 'live' } as const;
  return text
    .split(' ')
    .filter(Boolean)
    .map((item) => {
      const letter = item.at(-1) as Letter;
      return { version: parseInt(item), onDisk: letter !== 'L', state: states[letter] };
    });
}

function state(versions: string, overrides: Partial<ModelState> = {}): ModelState {
  const defaults = { policy: { latest: 1 }, aliases: [], pinned: [], held: false };
  return { versions: known(versions), ...defaults, ...overrides };
}

const alias = (target: number, serving?: number) => ({ target, serving });

for (const { when, model, then } of [
  { when: 'nothing is there', model: state(''), then: undefined },
  { when: 'the highest of two is not loaded', model: state('3a 4a'), then: { load: 4 } },
  { when: 'the wanted version is live', model: state('3a 4l'), then: undefined },
  { when: 'a newer version appears', model: state('3l 4a'), then: { load: 4 } },
  { when: 'the newer version has taken over', model: state('3l 4l'), then: { unload: 3 } },
  { when: 'the newer version is broken', model: state('3l 4f'), then: undefined },
  { when: 'at the start the newest is broken', model: state('3a 4f'), then: { load: 3 } },
  {
    when: 'the newest is broken and two are wanted',
    model: state('2a 3l 4f', { policy: { latest: 2 } }),
    then: { load: 2 },
  },
  { when: 'all are wanted', model: state('1a 2l 3a', { policy: 'all' }), then: { load: 3 } },
  { when: 'a list names one that is there', model: state('1a 2l 3l', { policy: [1] }), then: { load: 1 } },
  { when: 'a list names none that is there', model: state('2l 3l', { policy: [7] }), then: { unload: 2 } },
  { when: 'a list names none that is there and one is left', model: state('3l', { policy: [7] }), then: undefined },
  { when: 'an alias names an old version', model: state('1a 2l', { aliases: [alias(1)] }), then: { load: 1 } },
  { when: 'an alias keeps an old version', model: state('1l 2l', { aliases: [alias(1, 1)] }), then: undefined },
  { when: 'an alias names a version that is not there', model: state('2l', { aliases: [alias(9)] }), then: undefined },
  {
    when: "an alias's target has failed and its former one still answers",
    model: state('1l 2f 3l', { aliases: [alias(2, 1)] }),
    then: undefined,
  },
  {
    when: "an alias's new target is live",
    model: state('1l 2l 3l', { aliases: [alias(2, 1)] }),
    then: { unload: 1 },
  },
  { when: 'a run has pinned an old version', model: state('1l 2l', { pinned: [1] }), then: undefined },
  { when: "a pinned version's files are gone", model: state('1L 2l', { pinned: [1] }), then: undefined },
  { when: 'a live version was removed and another is there', model: state('3a 4L'), then: { load: 3 } },
  { when: 'the other has taken over from a removed one', model: state('3l 4L'), then: { unload: 4 } },
  { when: 'the only version was removed', model: state('4L'), then: { unload: 4 } },
  { when: 'a removed one is all that works', model: state('3f 4L'), then: { unload: 4 } },
  { when: 'options have changed', model: state('3a 4o'), then: { reload: 4 } },
  { when: 'options have changed and a newer version appears', model: state('3o 4a'), then: { load: 4 } },
  { when: 'an outdated version is not wanted any more', model: state('3o 4l'), then: { unload: 3 } },
  { when: 'the model is held', model: state('3l 4l', { held: true }), then: { unload: 3 } },
  { when: 'the model is held and unloaded', model: state('3a 4a', { held: true }), then: undefined },
] satisfies { when: string; model: ModelState; then: Action | undefined }[]) {
  test(`nextAction() gives ${JSON.stringify(then) ?? 'nothing'} when ${when}`, () => {
    assert.deepEqual(nextAction(model), then);
  });
}

describe('servingVersion()', () => {
  it('is the target once that is live', () => {
    assert.equal(
      servingVersion(4, 3, () => true),
      4,
    );
  });
  it('stays with the former target while the new one is not live', () => {
    assert.equal(
      servingVersion(4, 3, (version) => version === 3),
      3,
    );
  });
  it('is nothing when neither is live', () => {
    assert.equal(
      servingVersion(4, 3, () => false),
      undefined,
    );
  });
});

describe('nextAction(), for any state', () => {
  it('never takes the last live version away while its files are there, unless the model is held', () => {
    fc.assert(
      fc.property(anyState, (model) => {
        fc.pre(!model.held);
        const hadLive = model.versions.some(({ onDisk, state: s }) => onDisk && (s === 'live' || s === 'outdated'));
        const after = perform(model, nextAction(model));
        const hasLive = after.versions.some(({ state: s }) => s === 'live' || s === 'outdated');
        assert.ok(!hadLive || hasLive);
      }),
      { numRuns: 2000, seed: 1 },
    );
  });

  it('comes to an end, with everything wanted live and nothing else but the last resort', () => {
    fc.assert(
      fc.property(anyState, (start) => {
        let model = start;
        let steps = 0;
        for (let action = nextAction(model); action !== undefined; action = nextAction(model)) {
          model = perform(model, action);
          steps += 1;
          assert.ok(steps <= 3 * start.versions.length, 'it goes on for ever');
        }
        const wanted = wantedVersions(model);
        const live = model.versions.filter(({ state: s }) => s === 'live').map(({ version }) => version);
        for (const version of wanted) assert.ok(live.includes(version), `${version} is wanted and not live`);
        const surplus = live.filter((version) => !wanted.has(version));
        assert.ok(surplus.length <= (wanted.size === 0 && !model.held ? 1 : 0), `${surplus.join()} are not wanted`);
      }),
      { numRuns: 2000, seed: 2 },
    );
  });

  it('loads before it unloads', () => {
    fc.assert(
      fc.property(anyState, (model) => {
        const action = nextAction(model);
        fc.pre(action !== undefined && 'unload' in action);
        const wanted = wantedVersions(model);
        for (const { version, state: s } of model.versions) assert.ok(!wanted.has(version) || s === 'live');
      }),
      { numRuns: 2000, seed: 3 },
    );
  });
});

const number = fc.integer({ min: 1, max: 6 });
const anyVersions = fc.uniqueArray(
  fc.record({
    version: number,
    onDisk: fc.boolean(),
    state: fc.constantFrom<KnownVersion['state']>('absent', 'live', 'outdated', 'failed'),
  }),
  { selector: ({ version }) => version },
);
const anyState: fc.Arbitrary<ModelState> = fc.record({
  // What is neither there nor loaded is not known; what has no files cannot be loaded again.
  versions: anyVersions.map((versions) =>
    versions
      .filter(({ onDisk, state: s }) => onDisk || s === 'live' || s === 'outdated')
      .map((version) => (version.onDisk ? version : { ...version, state: 'live' as const })),
  ),
  policy: fc.oneof(
    fc.record({ latest: fc.integer({ min: 1, max: 3 }) }),
    fc.constant('all' as const),
    fc.uniqueArray(number, { minLength: 1 }),
  ),
  aliases: fc.array(fc.record({ target: number, serving: fc.option(number, { nil: undefined }) }), { maxLength: 3 }),
  pinned: fc.uniqueArray(number, { maxLength: 2 }),
  held: fc.boolean(),
});

/** The state after an action that succeeded. */
function perform(model: ModelState, action: Action | undefined): ModelState {
  if (action === undefined) return model;
  const changed = 'unload' in action ? action.unload : 'load' in action ? action.load : action.reload;
  const versions = model.versions.flatMap((version): KnownVersion[] => {
    if (version.version !== changed) return [version];
    if (!('unload' in action)) return [{ ...version, state: 'live' }];
    return version.onDisk ? [{ ...version, state: 'absent' }] : [];
  });
  return { ...model, versions };
}
