import assert from 'node:assert/strict';
import { cp, mkdir, open, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { systemClock, type Clock } from '../../../src/core/clock.ts';
import { notice } from '../../../src/core/events.ts';
import { FolderRepository } from '../../../src/repository/folder-repository.ts';
import { SETTLE_MS, type RepositoryView } from '../../../src/repository/settle.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const MODEL = new URL('../../fixtures/models/doubler/1/model.onnx', import.meta.url).pathname;

describe('FolderRepository', () => {
  it('sees a copied version within a second, by events', async () => {
    await using at = await setup({ pollMs: 60_000 });
    await mkdir(at.models);
    await using repository = at.open();
    const views = follow();
    await repository.watch(views.listener);
    const began = performance.now();
    await at.copy('m/1');
    await views.until((view) => versions(view, 'm').includes(1));
    assert.ok(performance.now() - began < 1000, `it took ${performance.now() - began} ms`);
  });

  it('sees changes inside folders that it does not watch within a second, by polling', async () => {
    await using at = await setup({});
    await at.copy('m/1');
    await using repository = at.open();
    const views = follow();
    const before = fingerprint(await repository.watch(views.listener), 'm', 1);
    const began = performance.now();
    await writeFile(join(at.models, 'm/1/model.onnx'), 'something else');
    await views.until((view) => fingerprint(view, 'm', 1) !== before);
    assert.ok(performance.now() - began < 1000, `it took ${performance.now() - began} ms`);
  });

  it('does not offer a version while it is still being written', async () => {
    await using at = await setup({ pollMs: 60_000, clock: new ManualClock() });
    await using repository = at.open();
    const views = follow();
    const watching = repository.watch(views.listener);
    await watching;
    await mkdir(join(at.models, 'm/1'), { recursive: true });
    await using file = await open(join(at.models, 'm/1/model.onnx'), 'w');
    for (let i = 0; i < 5; i += 1) {
      await file.write('more');
      await repository.refresh();
      at.clock.advance(SETTLE_MS);
      assert.deepEqual(views.last && versions(views.last, 'm'), []);
    }
    await repository.refresh();
    at.clock.advance(SETTLE_MS);
    await repository.refresh();
    assert.deepEqual(versions(views.last!, 'm'), [1]);
  });

  it('never offers a staging folder, and offers what it has published at once', async () => {
    await using at = await setup({ pollMs: 60_000, clock: new ManualClock() });
    await using repository = at.open();
    const views = follow();
    await repository.watch(views.listener);
    await mkdir(join(at.models, 'm/.staging-1'), { recursive: true });
    await cp(MODEL, join(at.models, 'm/.staging-1/model.onnx'));
    await repository.publish('m', MODEL);
    await repository.refresh();
    assert.deepEqual(versions(views.last!, 'm'), [1]);
  });

  it('keeps what it saw, and says so once, when the whole folder is gone', async () => {
    await using at = await setup({ pollMs: 60_000 });
    await at.copy('m/1');
    await using repository = at.open();
    const views = follow();
    await repository.watch(views.listener);
    const notices: string[] = [];
    using _subscription = notice.subscribe(({ message }) => notices.push(message));
    await rename(at.models, `${at.models}.away`);
    await repository.refresh();
    await repository.refresh();
    assert.equal(views.seen, 0);
    assert.equal(notices.length, 1);
    assert.match(notices[0]!, /models folder is gone/);
    await rename(`${at.models}.away`, at.models);
    await rm(join(at.models, 'm'), { recursive: true });
    await repository.refresh();
    assert.deepEqual(views.last?.models, []);
  });

  it('begins without a models folder, and sees it come', async () => {
    await using at = await setup({ pollMs: 20 });
    await using repository = at.open();
    const views = follow();
    assert.deepEqual((await repository.watch(views.listener)).models, []);
    await at.copy('m/1');
    await views.until((view) => versions(view, 'm').includes(1));
  });

  it('waits at the beginning for what was written just now', async () => {
    await using at = await setup({ pollMs: 60_000 });
    await at.copy('m/1');
    await using repository = at.open();
    assert.deepEqual(versions(await repository.watch(() => undefined), 'm'), [1]);
  });

  it('lists everything at once for a command that does not stay', async () => {
    await using at = await setup({});
    await at.copy('m/1');
    await using repository = at.open();
    assert.deepEqual(versions(await repository.list(), 'm'), [1]);
  });
});

function versions(view: RepositoryView, name: string): number[] {
  return view.models.find((model) => model.name === name)?.versions.map(({ version }) => version) ?? [];
}

function fingerprint(view: RepositoryView, name: string, version: number): string | undefined {
  const model = view.models.find((candidate) => candidate.name === name);
  return model?.versions.find((candidate) => candidate.version === version)?.fingerprint;
}

/** Collects views, and waits for one that fits. */
function follow() {
  let check: () => void = () => undefined;
  const self = {
    last: undefined as RepositoryView | undefined,
    seen: 0,
    listener(view: RepositoryView) {
      self.last = view;
      self.seen += 1;
      check();
    },
    until(fits: (view: RepositoryView) => boolean): Promise<void> {
      const keepAlive = setInterval(() => undefined, 1000);
      return new Promise<void>((resolve) => {
        check = () => {
          if (self.last !== undefined && fits(self.last)) resolve();
        };
        check();
      }).finally(() => clearInterval(keepAlive));
    },
  };
  return self;
}

async function setup<C extends Clock>({ pollMs, clock }: { pollMs?: number; clock?: C }) {
  const folder = await temporaryFolder();
  const models = join(folder.path, 'models');
  const options = {
    modelsFolder: models,
    stateFolder: join(folder.path, '.servery'),
    ...(pollMs === undefined ? {} : { pollMs }),
  };
  return {
    models,
    clock: clock as C,
    open: () => new FolderRepository({ ...options, clock: clock ?? systemClock }),
    async copy(to: string) {
      await mkdir(join(models, to), { recursive: true });
      await cp(MODEL, join(models, to, 'model.onnx'));
    },
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}
