/**
 * Models for batch work: any version of the repository, loaded as the online half loads it.
 *
 * A version is kept for a while after its last use, since the next run of a schedule wants it again; a warm-up
 * takes longer than many a run.
 */
import { systemClock } from '../../core/clock.ts';
import { ServeryError } from '../../core/errors.ts';
import type { ModelRef } from '../../core/model.ts';
import { probe } from '../../models/probe.ts';
import { loadVersion } from '../../models/load-version.ts';
import { createHandlerRuntime } from '../../runtime/handler/handler-runtime.ts';
import { createOnnxRuntime } from '../../runtime/onnx/onnx-runtime.ts';
import { openRunner } from '../../runtime/open-runner.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import { openBatchModel, type BatchModel } from './batch-model.ts';
import { findBatchRows } from './batch-rows.ts';
import {
  findArtifact,
  pinModel,
  readReferences,
  type ModelReferences,
  type ModelSource,
  type PinnedModel,
} from './pin-model.ts';

export interface BatchModels extends AsyncDisposable {
  /** A run has never ended: its thread keeps the process from exiting by itself. */
  readonly hasStuck: boolean;
  /**
   * The version that a reference means now. Where it leaves the choice, that has been loaded once.
   *
   * @throws {ServeryError} `MODEL_NOT_FOUND`, `MODEL_INVALID`, `CONFIG_INVALID`
   */
  pin(ref: ModelRef): Promise<PinnedModel>;
  /** What every reference means now, for handlers that ask other models. */
  references(): Promise<ModelReferences>;
  /**
   * Loads a version, or borrows one that is loaded. Disposing gives it back.
   *
   * @throws {ServeryError} `MODEL_NOT_FOUND`, `MODEL_CHANGED`, `MODEL_INVALID`, `RUNTIME_MISSING`
   */
  load(pinned: PinnedModel): Promise<BatchModel>;
}

const KEEP_MS = 300_000;
/** Whoever asked for a run has its answer, or has given up: one that goes on now may as well never end. */
const CLOSE_GRACE_MS = 1000;

interface Kept {
  readonly loaded: Promise<BatchModel>;
  users: number;
  expiry: Disposable | undefined;
}

export interface BatchModelsSettings {
  /** A model that nobody uses stays loaded for this time. */
  readonly keepMs?: number;
  /** How long closing waits for a run that nobody waits for any more. */
  readonly closeGraceMs?: number;
}

/** Opens nothing before it is needed. */
export function createBatchModels(
  source: ModelSource,
  { keepMs = KEEP_MS, closeGraceMs = CLOSE_GRACE_MS }: BatchModelsSettings = {},
): BatchModels {
  const runtimes = new Map<Runtime['format'], Runtime & AsyncDisposable>();
  const kept = new Map<string, Kept>();
  let lastKey = 0;
  let hasStuck = false;

  const runtimeFor = (format: Runtime['format']): Runtime => {
    const known = runtimes.get(format);
    if (known !== undefined) return known;
    const runtime = format === 'onnx' ? createOnnxRuntime({ closeGraceMs }) : createHandlerRuntime();
    runtimes.set(format, runtime);
    return runtime;
  };

  const loadPinned = async (pinned: PinnedModel): Promise<BatchModel> => {
    const artifact = await findArtifact(source, pinned);
    // In the thread of the caller it would take turns with reading and writing.
    const options = { ...pinned.options, runtime: { ...pinned.options.runtime, inline: 'never' as const } };
    lastKey += 1;
    const version = await loadVersion(runtimeFor(artifact.format), artifact, options, { key: lastKey, probe });
    try {
      const runner = await openRunner(version.connect());
      const { descriptor } = version;
      const hasCap = descriptor.batching.maxRows < options.batching.maxRows;
      const isOpen = artifact.format === 'onnx' && descriptor.batchable && version.settles && !hasCap;
      const batchRows = isOpen ? await findBatchRows(runner, descriptor, Infinity) : descriptor.batching.maxRows;
      return openBatchModel(version, runner, batchRows);
    } catch (error) {
      await version[Symbol.asyncDispose]();
      throw error;
    }
  };

  const forget = async (key: string, { loaded, expiry }: Kept) => {
    expiry?.[Symbol.dispose]();
    kept.delete(key);
    await loaded.then(
      (model) => model[Symbol.asyncDispose](),
      () => undefined,
    );
  };

  const models: BatchModels = {
    get hasStuck() {
      return hasStuck;
    },
    async pin(ref) {
      const pinned = await pinModel(source, ref);
      if (ref.version !== undefined || ref.alias !== undefined) return pinned;
      return pinLoadable(ref, pinned);
    },
    references: () => readReferences(source),
    async load(pinned) {
      const key = JSON.stringify(pinned);
      let entry = kept.get(key);
      if (entry === undefined) {
        entry = { loaded: loadPinned(pinned), users: 0, expiry: undefined };
        kept.set(key, entry);
      }
      const mine = entry;
      mine.users += 1;
      mine.expiry?.[Symbol.dispose]();
      let isGivenBack = false;
      const giveBack = async () => {
        if (isGivenBack) return;
        isGivenBack = true;
        mine.users -= 1;
        if (mine.users > 0 || kept.get(key) !== mine) return;
        // A stuck run never ends: nobody should be given this executor again, nor wait for it.
        if ((await mine.loaded).isStuck) {
          hasStuck = true;
          return void forget(key, mine);
        }
        mine.expiry = systemClock.after(keepMs, () => void forget(key, mine));
      };
      try {
        const model = await mine.loaded;
        return {
          ...model,
          get isStuck() {
            return model.isStuck;
          },
          [Symbol.asyncDispose]: giveBack,
        };
      } catch (error) {
        kept.delete(key);
        throw error;
      }
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(Array.from(kept, ([key, entry]) => forget(key, entry)));
      await Promise.all(Array.from(runtimes.values(), (runtime) => runtime[Symbol.asyncDispose]()));
    },
  };
  return models;

  /** As a server does: a version that cannot be loaded takes none down that can, unless it is asked for by name. */
  async function pinLoadable(ref: ModelRef, highest: PinnedModel): Promise<PinnedModel> {
    const broken = new Set<number>();
    let problem: unknown;
    for (let pinned = highest; !broken.has(pinned.version);) {
      try {
        await using _ = await models.load(pinned);
        return pinned;
      } catch (error) {
        if (!(error instanceof ServeryError) || error.code !== 'MODEL_INVALID') throw error;
        problem ??= error;
      }
      broken.add(pinned.version);
      // Where none is left, why the highest is broken says more.
      pinned = await pinModel(source, ref, broken).catch(() => pinned);
    }
    throw problem;
  }
}
