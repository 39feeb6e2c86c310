/** The order of what happens to versions, seen by a runtime and front ends that write down what they are asked. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { ServeryError } from '../../../src/core/errors.ts';
import { versionStateChanged } from '../../../src/core/events.ts';
import type { Signature } from '../../../src/core/signature.ts';
import type { FrontLink } from '../../../src/models/front-link.ts';
import { Models } from '../../../src/models/models.ts';
import type { Snapshot } from '../../../src/models/snapshot.ts';
import { FolderRepository } from '../../../src/repository/folder-repository.ts';
import type { Runtime } from '../../../src/runtime/runtime.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { modelWorkspace, takeAsItIs } from '../../support/model-workspace.ts';

describe('The life of a version', () => {
  it('is: load, prepare on all front ends, apply on all, release the old one on all, dispose it', async () => {
    await using test = await setup(['m/1']);
    await test.models.start();
    test.log.length = 0;
    await test.put('m/2');
    await test.until(() => test.log.includes('disposed m/1'));
    assert.deepEqual(test.log.filter((line) => !line.startsWith('apply') || /m\/2/.test(line)).slice(0, 9), [
      'load m/2',
      'prepare m/2 on a',
      'prepare m/2 on b',
      'apply m/1 m/2 on a',
      'apply m/1 m/2 on b',
      'apply m/2 on a',
      'apply m/2 on b',
      'release m/1 on a',
      'release m/1 on b',
    ]);
  });

  it('is the same when its options change: the old one is released when the new one is applied', async () => {
    await using test = await setup(['m/1']);
    await test.models.start();
    test.log.length = 0;
    await test.models.configure({ m: { batching: { maxRows: 2 } } });
    await test.until(() => test.log.includes('disposed m/1'));
    const prepared = test.log.indexOf('prepare m/1 on b');
    assert.ok(test.log.indexOf('load m/1') < prepared);
    assert.deepEqual(test.log.slice(prepared + 1, prepared + 5), [
      'apply m/1 on a',
      'apply m/1 on b',
      'release m/1 on a',
      'release m/1 on b',
    ]);
    assert.equal(test.loaded, 1);
  });

  it('does not dispose a version that a front end still uses, and does not wait for it to go on', async () => {
    await using test = await setup(['m/1']);
    await test.models.start();
    const last = test.holdReleases();
    await test.put('m/2');
    await test.until(() => test.log.includes('release m/1 on b'));
    assert.ok(!test.log.includes('disposed m/1'));
    await test.put('m/3');
    await test.until(() => test.log.includes('apply m/3 on b'));
    assert.ok(!test.log.includes('disposed m/1'));
    last.resolve();
    await test.until(() => test.log.includes('disposed m/1') && test.log.includes('disposed m/2'));
  });

  it('ends when a front end cannot open it: nothing of it stays, the old one answers', async () => {
    await using test = await setup(['m/1']);
    await test.models.start();
    test.fronts[1]!.refuse = true;
    const states = test.followStates();
    await test.put('m/2');
    await test.until(() => states.includes('failed this front end cannot'));
    assert.ok(test.log.includes('disposed m/2'));
    assert.ok(test.log.includes('release m/2 on a') && test.log.includes('release m/2 on b'));
    const { versions } = await test.models.showModel('m');
    assert.deepEqual(
      versions.map(({ state, live, reason }) => ({ state, live, reason })),
      [
        { state: 'ready', live: true, reason: '' },
        { state: 'failed', live: false, reason: 'this front end cannot' },
      ],
    );
  });

  it('begins again, silently, when its files changed while they were read', async () => {
    await using test = await setup(['m/1']);
    const states = test.followStates();
    const gate = test.holdLoads();
    const starting = test.models.start();
    await test.until(() => test.log.includes('load m/1'));
    await test.change('m/1');
    gate.resolve();
    await starting;
    await test.until(() => test.log.includes('apply m/1 on b'));
    assert.equal(test.log.filter((line) => line === 'load m/1').length, 2);
    assert.ok(!states.some((state) => state.includes('failed')), states.join());
  });

  it('is not tried again while neither its files nor its options change', async () => {
    await using test = await setup(['m/1']);
    test.failLoads = true;
    await test.models.start();
    await test.repository.refresh();
    await test.models.configure({});
    assert.equal(test.log.filter((line) => line === 'load m/1').length, 1);
    await test.models.configure({ m: { batching: { maxRows: 2 } } });
    assert.equal(test.log.filter((line) => line === 'load m/1').length, 2);
    test.failLoads = false;
    await test.models.load('m');
    assert.equal((await test.models.showModel('m')).versions[0]?.state, 'ready');
  });

  it('is stuck when a run takes too long, and ready again when that ends', async () => {
    const clock = new ManualClock();
    await using test = await setup(['m/1'], { clock });
    await test.models.start();
    test.running = clock.now();
    clock.advance(30_000);
    assert.equal((await test.models.showModel('m')).versions[0]?.state, 'ready');
    clock.advance(2000);
    assert.equal((await test.models.showModel('m')).versions[0]?.state, 'stuck');
    assert.deepEqual(test.models.runningSinceBefore(clock.now()), [{ name: 'm', version: 1 }]);
    await test.until(() => test.fronts[0]!.snapshot?.models[0]?.versions[0]?.state === 'stuck');
    test.running = undefined;
    clock.advance(1000);
    assert.equal((await test.models.showModel('m')).versions[0]?.state, 'ready');
  });
});

describe('Load, unload and shutdown, when they meet', () => {
  it('an unload during a load: the version never goes live, and the load says so', async () => {
    await using test = await setup(['m/1']);
    await test.models.start();
    await test.models.unload('m');
    const gate = test.holdLoads();
    const loading = test.models.load('m');
    const refused = assert.rejects(loading, { code: 'CONFLICT' });
    await test.until(() => test.log.filter((line) => line === 'load m/1').length === 2);
    const unloading = test.models.unload('m');
    while (!test.models.isHeld('m')) await nextTurn();
    gate.resolve();
    await Promise.all([refused, unloading]);
    assert.equal(test.log.filter((line) => line === 'disposed m/1').length, 2);
    assert.equal(test.loaded, 0);
  });

  it('a load during an unload: the version is loaded anew beside the one that leaves', async () => {
    await using test = await setup(['m/1']);
    await test.models.start();
    const last = test.holdReleases();
    const unloading = test.models.unload('m');
    await test.until(() => test.log.includes('release m/1 on a'));
    await test.models.load('m');
    assert.equal(test.loaded, 2);
    last.resolve();
    await unloading;
    assert.equal(test.loaded, 1);
    assert.equal((await test.models.showModel('m')).versions[0]?.state, 'ready');
  });

  it('an unload returns when the memory is free', async () => {
    await using test = await setup(['m/1', 'm/2']);
    await test.models.start();
    await test.models.unload('m');
    assert.equal(test.loaded, 0);
  });

  it('a shutdown during a load waits for it and disposes it', async () => {
    await using test = await setup(['m/1', 'n/1', 'o/1']);
    const gate = test.holdLoads();
    const starting = test.models.start();
    // Whichever come first: that depends on whose settings are read first.
    const loads = () => test.log.filter((line) => line.startsWith('load')).length;
    await test.until(() => loads() === 2);
    const closing = test.models[Symbol.asyncDispose]();
    gate.resolve();
    await Promise.all([starting, closing]);
    assert.equal(test.loaded, 0);
    assert.equal(loads(), 2, 'what waited for its turn is not begun');
    await assert.rejects(test.models.load('m'), { code: 'SHUTTING_DOWN' });
  });

  it('loads and unloads in any order end as the last one said, with nothing left in memory', async () => {
    await using test = await setup(['m/1', 'm/2']);
    await test.models.start();
    const calls: Promise<unknown>[] = [];
    for (let i = 0; i < 20; i += 1) {
      calls.push((i % 2 === 0 ? test.models.unload('m') : test.models.load('m')).catch((error: unknown) => error));
      if (i % 3 === 0) await nextTurn();
    }
    const outcomes = await Promise.all(calls);
    for (const outcome of outcomes) assert.ok(outcome === undefined || (outcome as ServeryError).code === 'CONFLICT');
    assert.equal(test.loaded, 1);
    await test.models.unload('m');
    assert.equal(test.loaded, 0);
  });

  it('loads two versions at once, not more', async () => {
    await using test = await setup(['a/1', 'b/1', 'c/1', 'd/1']);
    const gate = test.holdLoads();
    const starting = test.models.start();
    await test.until(() => test.log.filter((line) => line.startsWith('load')).length === 2);
    for (let i = 0; i < 20; i += 1) await nextTurn();
    assert.equal(test.log.filter((line) => line.startsWith('load')).length, 2);
    gate.resolve();
    await starting;
    assert.equal(test.log.filter((line) => line.startsWith('load')).length, 4);
  });
});

const signature: Signature = {
  inputs: [{ name: 'x', datatype: 'FP32', shape: [null] }],
  outputs: [{ name: 'y', datatype: 'FP32', shape: [null] }],
  batched: true,
};

async function setup(versions: readonly string[], { clock }: { clock?: ManualClock } = {}) {
  const workspace = await modelWorkspace();
  for (const version of versions) await workspace.write(`${version}/model.onnx`, version);

  const log: string[] = [];
  const waiting: (() => void)[] = [];
  const wake = () => {
    for (const check of waiting.splice(0)) check();
  };
  const note = (line: string) => {
    log.push(line);
    wake();
  };
  const self = {
    log,
    loaded: 0,
    /** What no front end may ever see; checked when a test ends. */
    violations: [] as string[],
    failLoads: false,
    running: undefined as number | undefined,
    put: (version: string) => workspace.write(`${version}/model.onnx`, version),
    change: (version: string) => workspace.write(`${version}/model.onnx`, 'other text, of another length'),
    /** Lets no load end before the result is resolved. */
    holdLoads: () => (loads = Promise.withResolvers<void>()),
    holdReleases: () => (releases = Promise.withResolvers<void>()),
    followStates(): string[] {
      const states: string[] = [];
      const follow = versionStateChanged.subscribe(({ state, reason }) => {
        states.push(`${state} ${reason}`);
        wake();
      });
      resources.use(follow);
      return states;
    },
    async until(holds: () => boolean): Promise<void> {
      const keepAlive = setInterval(() => undefined, 1000);
      while (!holds()) await new Promise<void>((resolve) => waiting.push(resolve));
      clearInterval(keepAlive);
    },
    async [Symbol.asyncDispose]() {
      await resources.disposeAsync();
      assert.deepEqual(self.violations, []);
    },
  };
  let loads = Promise.withResolvers<void>();
  loads.resolve();
  let releases = Promise.withResolvers<void>();
  releases.resolve();

  const runtime: Runtime = {
    format: 'onnx',
    async load({ name, version }) {
      note(`load ${name}/${version}`);
      await loads.promise;
      if (self.failLoads) throw new ServeryError('MODEL_INVALID', 'it is no model');
      self.loaded += 1;
      return {
        signature,
        facts: { platform: 'test', rowsAreIndependent: true, canInline: false, notes: [] },
        connect: () => ({ runtime: 'onnx', message: undefined, transfer: [] }),
        runningSince: () => self.running,
        async [Symbol.asyncDispose]() {
          self.loaded -= 1;
          note(`disposed ${name}/${version}`);
        },
      };
    },
  };

  class RecordingFront implements FrontLink {
    readonly #name: string;
    readonly #open = new Map<number, string>();
    refuse = false;
    snapshot: Snapshot | undefined;

    constructor(name: string) {
      this.#name = name;
    }
    async prepare({ descriptor: { key, model } }: Parameters<FrontLink['prepare']>[0]): Promise<void> {
      this.#open.set(key, `${model.name}/${model.version}`);
      note(`prepare ${model.name}/${model.version} on ${this.#name}`);
      if (this.refuse) throw new ServeryError('MODEL_INVALID', 'this front end cannot');
    }
    async apply(snapshot: Snapshot): Promise<void> {
      this.snapshot = snapshot;
      const live = snapshot.models.flatMap((model) => model.versions.flatMap(({ key }) => key ?? []));
      for (const key of live) {
        if (!this.#open.has(key)) self.violations.push(`a snapshot names ${key}, which is not open`);
      }
      note(`apply ${live.map((key) => this.#open.get(key)).join(' ')} on ${this.#name}`);
    }
    async release(key: number): Promise<void> {
      const stillNamed = this.snapshot?.models.some(({ versions: all }) => all.some((version) => version.key === key));
      if (stillNamed) self.violations.push(`${this.#open.get(key)} is released while a snapshot names it`);
      note(`release ${this.#open.get(key)} on ${this.#name}`);
      await releases.promise;
      this.#open.delete(key);
    }
    predictRows(): Promise<never> {
      return Promise.reject(new Error('no model asks another one here'));
    }
  }
  const fronts = [new RecordingFront('a'), new RecordingFront('b')];

  const resources = new AsyncDisposableStack();
  resources.use(workspace);
  const { modelsFolder, stateFolder } = workspace;
  const repository = resources.use(new FolderRepository({ modelsFolder, stateFolder, pollMs: 50 }));
  const options = { repository, runtimes: [runtime], probe: takeAsItIs, ...(clock === undefined ? {} : { clock }) };
  const models = resources.use(new Models(options));
  for (const front of fronts) await models.join(front);
  return Object.assign(self, { models, repository, fronts });
}
