/**
 * The thread of a worker process that reads, predicts and writes; see batch-threads.ts.
 *
 * Data engine and models are loaded when the first rows are asked for, and models are kept from run to run.
 */
import { parentPort, workerData } from 'node:worker_threads';
import type { StopReason } from '../jobs/step.ts';
import { createBatchModels } from '../jobs/predict/batch-models.ts';
import type { ChunkLedger } from '../jobs/predict/ledger.ts';
import { runPredictStep } from '../jobs/predict/run-predict-step.ts';
import { inspectCandidate, type CandidateOrder } from '../jobs/train/candidate.ts';
import { createLogger, logEvents } from '../telemetry/log.ts';
import { LEDGER_METHODS, type BatchThreadSettings, type PredictOrder } from './batch-threads.ts';
import { connectPeer, type Methods } from './rpc.ts';

const settings = workerData as BatchThreadSettings;
logEvents(createLogger(settings.log), settings.log);
const models = createBatchModels(settings.source);
const running = new Map<number, AbortController>();

const methods: Methods = {
  async predict({ id, options, context }: PredictOrder) {
    const controller = new AbortController();
    running.set(id, controller);
    const progress = (now: unknown) => void peer.call('progress', [id, now]).catch(() => undefined);
    try {
      const whole = { ...context, signal: controller.signal, progress };
      return await runPredictStep(options, whole, ledgerOf(id), models, settings.limits);
    } finally {
      running.delete(id);
    }
  },
  inspect: (order: CandidateOrder) => inspectCandidate(order, settings.source, models, runPredictStep),
  stop: async (id: number, reason: StopReason) => running.get(id)?.abort(reason),
  async close() {
    await models[Symbol.asyncDispose]();
    setImmediate(() => parentPort!.close());
  },
};
const peer = connectPeer(parentPort!, methods);

/** The ledger of a run is with its lease: in the thread that supervises it. */
function ledgerOf(id: number): ChunkLedger {
  return Object.fromEntries(
    LEDGER_METHODS.map((method) => [method, (...args: unknown[]) => peer.call(`ledger.${method}`, [id, ...args])]),
  ) as unknown as ChunkLedger;
}
