/**
 * Decides `intraOpThreads: auto`: how many threads one run of an ONNX version may use.
 *
 * One, as a rule: threads help a single large run, and take the cores from everything else. More are used
 * only where the largest batch is slow, becomes clearly faster, and the answers are as settled as before.
 */
import { availableParallelism } from 'node:os';
import { isDeepStrictEqual } from 'node:util';
import { openRunner } from '../runtime/open-runner.ts';
import type { RuntimeOptions } from '../runtime/options.ts';
import type { LoadedModel, Runtime } from '../runtime/runtime.ts';
import type { Probe, ProbeRequest, ProbeResult } from './load-version.ts';
import { differentRows, pickRows } from './probe-rows.ts';

/** A run that is shorter gains too little. */
const WORTHWHILE_MS = 1;
const SPEED_UP = 1.3;
/** The time given to runs on more threads, before a thorough probe of them. */
const TRIAL_MS = 100;
const POOL_ROWS = 8;

export interface SettledModel {
  readonly model: LoadedModel;
  readonly probed: ProbeResult;
}

/**
 * @param request as the version was probed when it was loaded with one thread
 * @param probed what the probe found
 * @returns the version as it was, or with more threads; the other one is disposed
 */
export async function settleThreads(
  request: ProbeRequest,
  probed: ProbeResult,
  probe: Probe,
  runtime: Runtime,
  options: RuntimeOptions,
  cores = availableParallelism(),
): Promise<SettledModel> {
  const { model: single, artifact } = request;
  const stay = (...notes: string[]) => ({ model: single, probed: { ...probed, notes: [...probed.notes, ...notes] } });
  const largest = probed.costs.at(-1);
  const isOpen = artifact.format === 'onnx' && options.intraOpThreads === 'auto' && cores > 1;
  if (!isOpen || largest === undefined || largest.runMs <= WORTHWHILE_MS) return stay();

  const model = await runtime.load(artifact, { ...options, intraOpThreads: cores });
  let isTaken = false;
  try {
    const runMs = await timeRun(model, request, largest.rows);
    const compared = `${rounded(largest.runMs)} ms on 1, ${rounded(runMs)} ms on ${cores}`;
    if (runMs * SPEED_UP > largest.runMs) return stay(`threads: 1, more are not clearly faster (${compared})`);
    const found = await probe({ ...request, model });
    const isSettled =
      found.minRows <= probed.minRows && (found.settles || !probed.settles) && found.batchable === probed.batchable;
    if (!isSettled) return stay(`threads: 1, with more the answers would change with the batch (${compared})`);
    const sizes = [found.minRows, largest.rows];
    if (!(await answersAgree(single, model, request, sizes))) {
      return stay(`threads: 1, with more the answers would be others (${compared})`);
    }
    isTaken = true;
    await single[Symbol.asyncDispose]();
    return { model, probed: { ...found, notes: [...found.notes, `threads: ${cores} are faster (${compared})`] } };
  } finally {
    if (!isTaken) await model[Symbol.asyncDispose]();
  }
}

/**
 * Time is a measurement, and may come out otherwise at the next load: in batch work, or on the next start. The
 * answers must be the same bits whatever was decided.
 */
async function answersAgree(
  single: LoadedModel,
  model: LoadedModel,
  { candidates, signature }: ProbeRequest,
  sizes: readonly number[],
): Promise<boolean> {
  await using one = await openRunner(single.connect());
  await using several = await openRunner(model.connect());
  for (const { tensors, rows: given } of candidates) {
    const pool = signature.batched ? differentRows(tensors, POOL_ROWS) : tensors;
    try {
      for (const size of signature.batched ? sizes : [given]) {
        const order = Array.from({ length: size }, (_, row) => row % POOL_ROWS);
        const inputs = signature.batched ? pickRows(pool, order) : pool;
        const [a, b] = [await one.run([inputs], { rows: size }), await several.run([inputs], { rows: size })];
        if (!isDeepStrictEqual(a.outputs, b.outputs)) return false;
      }
      return true;
    } catch {
      continue;
    }
  }
  return false;
}

/** The quickest of a few runs; Infinity when the model takes none of the rows. */
async function timeRun(model: LoadedModel, { candidates, signature }: ProbeRequest, rows: number): Promise<number> {
  await using runner = await openRunner(model.connect());
  for (const { tensors, rows: given } of candidates) {
    const order = Array.from({ length: rows }, (_, row) => row % given);
    const inputs = signature.batched ? pickRows(tensors, order) : tensors;
    try {
      await runner.run([inputs], { rows }); // the first is slower
      let quickest = Infinity;
      for (let spent = 0; spent < TRIAL_MS;) {
        const { computeMs } = await runner.run([inputs], { rows });
        quickest = Math.min(quickest, computeMs);
        spent += computeMs;
      }
      return quickest;
    } catch {
      continue;
    }
  }
  return Infinity;
}

function rounded(ms: number): number {
  return Number(ms.toPrecision(2));
}
