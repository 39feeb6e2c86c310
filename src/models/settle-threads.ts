/**
 * Decides `intraOpThreads: auto`: how many threads one run of an ONNX version may use.
 *
 * One, as a rule: threads help a single large run, and take the cores from everything else. More are used
 * only where the largest batch is slow, becomes clearly faster, and the answers are as settled as before.
 */
import type { ModelArtifact } from '../core/model.ts';
import type { RuntimeOptions } from '../runtime/options.ts';
import type { LoadedModel, Runtime } from '../runtime/runtime.ts';
import type { Probed } from './probe.ts';

/** A run that is shorter gains too little. */
const WORTHWHILE_MS = 1;
const SPEED_UP = 1.3;

export interface SettledModel {
  readonly model: LoadedModel;
  readonly probed: Probed;
}

/**
 * @param first the version as it was loaded, with one thread, and what the probe found
 * @param probe probes a model that is loaded anew
 * @param cores what the machine offers
 * @returns `first`, or the version with more threads; the other one is disposed
 */
async function settleThreads(
  first: SettledModel,
  runtime: Runtime,
  artifact: ModelArtifact,
  options: RuntimeOptions,
  probe: (model: LoadedModel) => Promise<Probed>,
  cores: number,
): Promise<SettledModel> {
  const { costs, settles } = first.probed;
  const largest = costs.at(-1);
  const isOpen = artifact.format === 'onnx' && options.intraOpThreads === 'auto' && cores > 1;
  if (!isOpen || largest === undefined || largest.runMs <= WORTHWHILE_MS) return first;

  const model = await runtime.load(artifact, { ...options, intraOpThreads: cores });
  const probed = await probe(model).catch(async (error: unknown) => {
    await model[Symbol.asyncDispose]();
    throw error;
  });
  const runMs = probed.costs.find(({ rows }) => rows === largest.rows)?.runMs ?? Infinity;
  const isFaster = runMs * SPEED_UP <= largest.runMs;
  const isSettled =
    probed.minRows <= first.probed.minRows &&
    (probed.settles || !settles) &&
    probed.batchable === first.probed.batchable;
  const compared = `${rounded(largest.runMs)} ms on 1, ${rounded(runMs)} ms on ${cores}`;
  if (isFaster && isSettled) {
    await first.model[Symbol.asyncDispose]();
    return { model, probed: { ...probed, notes: [...probed.notes, `threads: ${cores}, measured: ${compared}`] } };
  }
  await model[Symbol.asyncDispose]();
  const why = isFaster ? 'more would change the answers with the batch' : 'more are not clearly faster';
  return { ...first, probed: { ...first.probed, notes: [...first.probed.notes, `threads: 1, ${why} (${compared})`] } };
}

function rounded(ms: number): number {
  return Number(ms.toPrecision(2));
}
