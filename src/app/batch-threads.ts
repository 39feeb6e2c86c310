/**
 * Prediction and the inspection of artifacts, for the thread that supervises runs: done in another one, so that a
 * heartbeat never waits for rows.
 *
 * The thread is started when it is first needed. If it ends by itself (its memory was not enough), what it was doing
 * fails as if its process had died, and the next order starts another.
 */
import { Worker } from 'node:worker_threads';
import { ServeryError } from '../core/errors.ts';
import { workerUrl } from '../core/worker-url.ts';
import type { DuckDbLimits } from '../dataset/duckdb.ts';
import type { ChunkLedger } from '../jobs/predict/ledger.ts';
import type { PredictOptions } from '../jobs/predict/options.ts';
import type { ModelSource } from '../jobs/predict/pin-model.ts';
import type { PredictContext, PredictOutcome } from '../jobs/predict/run-predict-step.ts';
import type { RunnerDeps } from '../jobs/step-runner.ts';
import type { CandidateReport } from '../jobs/train/candidate.ts';
import type { LogOptions } from '../telemetry/options.ts';
import { connectPeer, type Methods, type Peer } from './rpc.ts';

export interface BatchThreadSettings {
  readonly source: ModelSource;
  readonly log: LogOptions;
  /** Of the data engine. */
  readonly limits: DuckDbLimits;
}

export interface PredictOrder {
  readonly id: number;
  readonly options: PredictOptions;
  readonly context: Omit<PredictContext, 'signal' | 'progress'>;
}

export const LEDGER_METHODS = [
  'readPlan',
  'savePlan',
  'committedChunks',
  'commitChunk',
  'confirmLease',
] as const satisfies readonly (keyof ChunkLedger)[];

export type BatchThreads = Pick<RunnerDeps, 'predict' | 'inspect'> & AsyncDisposable;

interface Orderer {
  readonly context: PredictContext;
  readonly ledger: ChunkLedger;
}

export function createBatchThreads(settings: BatchThreadSettings): BatchThreads {
  const orderers = new Map<number, Orderer>();
  let lastId = 0;
  let current: { readonly peer: Peer; readonly gone: Promise<void> } | undefined;

  function thread(): Peer {
    if (current !== undefined) return current.peer;
    const started = new Worker(workerUrl(import.meta.url, './batch-thread'), { workerData: settings });
    const gone = Promise.withResolvers<void>();
    const peer = connectPeer(started, methods);
    started.once('error', () => undefined); // its exit says the rest
    started.once('exit', () => {
      current = undefined;
      peer.disconnect();
      gone.resolve();
    });
    current = { peer, gone: gone.promise };
    return peer;
  }

  const methods: Methods = {
    progress: async (id: number, now: Parameters<PredictContext['progress']>[0]) =>
      orderers.get(id)?.context.progress(now),
    ...Object.fromEntries(
      LEDGER_METHODS.map((method) => [
        `ledger.${method}`,
        (id: number, ...args: never[]) => callLedger(id, method, args),
      ]),
    ),
  };

  function callLedger(id: number, method: (typeof LEDGER_METHODS)[number], args: readonly never[]): Promise<unknown> {
    const { ledger } = orderers.get(id)!;
    return (ledger[method] as (...args: readonly never[]) => Promise<unknown>).call(ledger, ...args);
  }

  return {
    async predict(options, context, ledger) {
      lastId += 1;
      const id = lastId;
      const { signal, progress: _, ...facts } = context;
      const peer = thread();
      orderers.set(id, { context, ledger });
      const stop = () => void peer.call('stop', [id, signal.reason]).catch(() => undefined);
      if (signal.aborted) stop();
      else signal.addEventListener('abort', stop, { once: true });
      try {
        const order: PredictOrder = { id, options, context: facts };
        return (await peer.call('predict', [order]).catch(asLoss)) as PredictOutcome;
      } finally {
        signal.removeEventListener('abort', stop);
        orderers.delete(id);
      }
    },
    inspect: async (order) => (await thread().call('inspect', [order]).catch(asLoss)) as CandidateReport,
    async [Symbol.asyncDispose]() {
      if (current === undefined) return;
      const { peer, gone } = current;
      await peer.call('close', []).catch(() => undefined);
      await gone;
    },
  };
}

/** A call that ends because the other side is gone. */
function asLoss(error: unknown): never {
  if (error instanceof ServeryError && error.code === 'SHUTTING_DOWN') {
    throw new ServeryError('WORKER_LOST', 'The thread that predicts has ended', { cause: error });
  }
  throw error;
}
