/**
 * Servery inside somebody's own process: the control side and one front end without doors, in the thread
 * of the caller. Models still run in threads of their own, so the caller's event loop never waits for one.
 */
import { resolve } from 'node:path';
import type { ChunkValue as Chunk } from '../core/chunk.ts';
import { systemClock } from '../core/clock.ts';
import { ServeryError } from '../core/errors.ts';
import { predictionDone, type PredictionDone } from '../core/events.ts';
import type { ModelSummary } from '../models/control-api.ts';
import type { PredictRowsOptions } from '../serving/predict-rows.ts';
import { openControl } from './control.ts';
import { createFrontEndCore } from './front-end.ts';
import { openWorkspace } from './workspace.ts';

export interface ServeryOptions {
  /** The folder with `models/`; relative to the current folder. */
  readonly workspace: string;
}

export interface Servery extends AsyncDisposable {
  /**
   * Predicts rows, with their features by name.
   *
   * @param model `name`, `name@alias` or `name/7`
   * @param rows objects keyed by feature or input, or arrays in the order of the features
   * @returns an object for each row, keyed by output
   * @throws {ServeryError} `MODEL_NOT_FOUND`, `INVALID_INPUT`, `QUEUE_FULL`, `DEADLINE_EXCEEDED`, `SHUTTING_DOWN` …
   */
  predict(
    model: string,
    rows: readonly unknown[],
    options?: Pick<PredictRowsOptions, 'labels' | 'signal'> & { readonly timeoutMs?: number },
  ): Promise<Record<string, unknown>[]>;
  /**
   * The answer of a handler that streams, chunk by chunk: text, bytes or JSON values. The handler waits for whoever
   * reads it, and is stopped by leaving the loop or by the signal.
   *
   * @param row as a row of `predict`; the body, where the handler has a route of its own
   * @param options without `timeoutMs` the configured `defaultTimeout` bounds the wait for each chunk
   * @throws {ServeryError} when it is read: as `predict`, also after some chunks; `INVALID_REQUEST` when the model gives
   *   its answers at once
   */
  stream(
    model: string,
    row: unknown,
    options?: { readonly signal?: AbortSignal; readonly timeoutMs?: number },
  ): AsyncGenerator<Chunk, void, void>;
  /** Models, versions, aliases and their states. */
  models(): Promise<readonly ModelSummary[]>;
}

/**
 * Loads the models of a workspace and follows its changes until disposed.
 *
 * @throws {ServeryError} `WORKSPACE_NOT_FOUND`, `CONFIG_INVALID`
 */
export async function createServery({ workspace: folder }: ServeryOptions): Promise<Servery> {
  const { config, modelsFolder, stateFolder } = await openWorkspace(resolve(folder), process.env, {});
  await using opened = new AsyncDisposableStack();
  const { models } = opened.use(
    openControl({ modelsFolder, stateFolder, models: config.models ?? {}, stuckAfterMs: config.stuckAfter }),
  );
  const { models: front, predictRows, streamRow } = createFrontEndCore(config.defaultTimeout);
  await models.join(front);
  await models.start();
  const resources = opened.move();
  let isClosed = false;

  /** @throws {ServeryError} */
  function deadlineOf(begin: number, timeoutMs: number | undefined): number | undefined {
    if (isClosed) throw new ServeryError('SHUTTING_DOWN', 'Cannot predict: Servery has been closed');
    if (timeoutMs === undefined) return undefined;
    if (timeoutMs > 0) return begin + timeoutMs;
    throw new ServeryError('INVALID_REQUEST', 'Cannot use timeoutMs: expected milliseconds above 0');
  }

  return {
    async predict(model, rows, { timeoutMs, ...options } = {}) {
      const begin = systemClock.now();
      let code: PredictionDone['code'] = 'OK';
      try {
        const deadline = deadlineOf(begin, timeoutMs);
        return await predictRows(model, rows, { ...options, deadline });
      } catch (error) {
        code = error instanceof ServeryError ? error.code : 'INTERNAL';
        throw error;
      } finally {
        const totalMs = systemClock.now() - begin;
        const count = Array.isArray(rows) ? rows.length : 0;
        predictionDone.publish({ model: undefined, door: 'embedded', rows: count, totalMs, code });
      }
    },
    async *stream(model, row, { timeoutMs, ...options } = {}) {
      const begin = systemClock.now();
      let code: PredictionDone['code'] = 'CANCELLED';
      try {
        const deadline = deadlineOf(begin, timeoutMs);
        yield* streamRow(model, row, { ...options, deadline });
        code = 'OK';
      } catch (error) {
        code = error instanceof ServeryError ? error.code : 'INTERNAL';
        throw error;
      } finally {
        const totalMs = systemClock.now() - begin;
        predictionDone.publish({ model: undefined, door: 'embedded', rows: 1, totalMs, code });
      }
    },
    models: () => models.listModels(),
    async [Symbol.asyncDispose]() {
      isClosed = true;
      await resources.disposeAsync();
    },
  };
}
