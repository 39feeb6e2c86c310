/**
 * A workspace of real models, with two real front ends in this thread: the control side as the server has
 * it, without sockets.
 */
import { cp, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../src/core/clock.ts';
import { parseModelRef } from '../../src/core/model.ts';
import { checkInputs } from '../../src/core/signature.ts';
import type { NamedTensor, Tensor } from '../../src/core/tensor.ts';
import { FrontModels } from '../../src/models/front-models.ts';
import type { Probe } from '../../src/models/load-version.ts';
import type { ModelConfigInput } from '../../src/models/model-options.ts';
import { Models } from '../../src/models/models.ts';
import { FolderRepository } from '../../src/repository/folder-repository.ts';
import { createOnnxRuntime } from '../../src/runtime/onnx/onnx-runtime.ts';
import type { Runtime } from '../../src/runtime/runtime.ts';
import { temporaryFolder } from './temporary-folder.ts';

const FIXTURES = new URL('../fixtures/models/', import.meta.url).pathname;

/** Takes every version as it is, without running it: for tests of what happens around a load. */
export const takeAsItIs: Probe = async () => ({
  minRows: 1,
  batchable: true,
  settles: true,
  inline: false,
  costs: [],
  notes: [],
});

export interface ModelWorkspaceOptions {
  readonly runtimes?: readonly Runtime[];
  readonly config?: Readonly<Record<string, ModelConfigInput>>;
  readonly probe?: Probe;
  readonly clock?: Clock;
}

export async function modelWorkspace() {
  const folder = await temporaryFolder();
  const modelsFolder = join(folder.path, 'models');
  const stateFolder = join(folder.path, '.servery');
  await mkdir(modelsFolder);
  return {
    modelsFolder,
    stateFolder,
    /** Copies a fixture's version (`versions/2`) to `NAME/VERSION`. */
    async put(fixture: string, to: string) {
      await cp(join(FIXTURES, fixture), join(modelsFolder, to), { recursive: true });
    },
    async write(path: string, content: string | Uint8Array) {
      await mkdir(join(modelsFolder, path, '..'), { recursive: true });
      await writeFile(join(modelsFolder, path), content);
    },
    remove: (path: string) => rm(join(modelsFolder, path), { recursive: true }),
    open: (options: ModelWorkspaceOptions = {}) => openModels(modelsFolder, stateFolder, options),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

export async function openModels(modelsFolder: string, stateFolder: string, options: ModelWorkspaceOptions) {
  await using opened = new AsyncDisposableStack();
  const repository = opened.use(new FolderRepository({ modelsFolder, stateFolder, pollMs: 50 }));
  const runtimes = options.runtimes ?? [opened.use(createOnnxRuntime())];
  const { config = {}, probe = takeAsItIs } = options;
  const clock = options.clock === undefined ? {} : { clock: options.clock };
  const models = opened.use(new Models({ repository, runtimes, probe, config, ...clock }));
  const fronts = [frontEnd(), frontEnd()];
  for (const front of fronts) await models.join(front);
  const resources = opened.move();

  /** The answer of one front end to `x = 1`. */
  const ask = async (ref: string, front = fronts[0]!): Promise<number> => {
    const x = { name: 'x', datatype: 'FP32', shape: [1], data: Float32Array.of(1) } as const;
    const [y] = await predict(front, ref, [x]);
    return Number(y!.data[0]);
  };

  return {
    models,
    repository,
    fronts,
    ask,
    /** The answers of all front ends, which must agree. */
    async askAll(ref: string): Promise<number> {
      const answers = await Promise.all(fronts.map((front) => ask(ref, front)));
      if (new Set(answers).size !== 1) throw new Error(`the front ends disagree: ${answers.join()}`);
      return answers[0]!;
    },
    /** Waits until `holds` does; everything that may change it is announced by a snapshot. */
    async until(holds: () => unknown): Promise<void> {
      while (!(await holds())) await fronts[0]!.nextSnapshot();
    },
    /** `{ 1: 'unloaded', 2: 'ready' }` */
    async states(name: string) {
      const { versions } = await models.showModel(name);
      return Object.fromEntries(versions.map(({ version, state }) => [version, state]));
    },
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

export async function predict(
  front: FrontModels,
  ref: string,
  inputs: readonly NamedTensor[],
): Promise<readonly Tensor[]> {
  using version = front.acquire(parseModelRef(ref));
  return await version.submit(checkInputs(version.descriptor.signature, inputs), {});
}

/** A front end as it is, that also tells when it was given a snapshot. */
class FrontEnd extends FrontModels {
  #next = Promise.withResolvers<void>();

  nextSnapshot(): Promise<void> {
    return this.#next.promise;
  }

  override async apply(...args: Parameters<FrontModels['apply']>): Promise<void> {
    await super.apply(...args);
    const next = this.#next;
    this.#next = Promise.withResolvers();
    next.resolve();
  }
}

function frontEnd(): FrontEnd {
  return new FrontEnd(() => Promise.reject(new Error('no handler runs here')));
}
