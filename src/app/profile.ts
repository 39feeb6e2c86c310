/**
 * What a model costs in time and money, one row at a time and many at once, so that one can choose.
 *
 * Measured with the parts that serve: the front end's queue and batcher in this process for the online way, and the
 * runs of batch work. HTTP and files are not in it; they come on top of both.
 */
import { ServeryError } from '../core/errors.ts';
import { formatModelRef, type ModelRef, type ModelVersion } from '../core/model.ts';
import { checkInputs } from '../core/signature.ts';
import type { NamedTensor, Tensor } from '../core/tensor.ts';
import type { BatchModel } from '../jobs/predict/batch-model.ts';
import { createBatchModels } from '../jobs/predict/batch-models.ts';
import { pickRows } from '../models/probe-rows.ts';
import { decodeRows } from '../protocol/rows.ts';
import { openControl } from './control.ts';
import { createFrontEndCore } from './front-end.ts';
import type { Workspace } from './workspace.ts';

export interface Profile {
  readonly model: ModelVersion;
  readonly pricePerHour: number;
  /** One request after the other, of one row each. */
  readonly alone: { readonly p50Ms: number; readonly p99Ms: number };
  /** As many requests of one row at once as it takes until there are no more a second. */
  readonly online: {
    readonly requestsPerSecond: number;
    readonly p50Ms: number;
    readonly pricePerMillionRows: number;
  };
  /** Runs of n rows. */
  readonly batches: readonly BatchCost[];
  readonly bestBatchRows: number;
  readonly batch: { readonly rowsPerHour: number; readonly pricePerMillionRows: number };
}

export interface BatchCost {
  readonly rows: number;
  readonly msPerRun: number;
  readonly msPerRow: number;
  readonly pricePerMillionRows: number;
}

export interface ProfileOptions {
  /** Of a machine like this one. */
  readonly pricePerHour: number;
  /** For each of the measurements. */
  readonly seconds: number;
}

const CROWD = 256;
const TIMEOUT_MS = 60_000;
/** A larger batch must be this much cheaper by the row to be called better. */
const WORTHWHILE = 1.05;
const FEWEST_RUNS = 5;

/** @throws {ServeryError} `MODEL_NOT_FOUND`, `MODEL_INVALID`, and what the model fails with */
export async function profileModel(
  { modelsFolder, stateFolder, config }: Workspace,
  ref: ModelRef,
  { pricePerHour, seconds }: ProfileOptions,
): Promise<Profile> {
  const source = { modelsFolder, stateFolder, models: config.models ?? {} };
  const perMillion = (rowsPerSecond: number) => (pricePerHour / 3600) * (1e6 / rowsPerSecond);

  await using models = createBatchModels(source);
  const { name, version } = await models.pin(ref);
  await using model = await models.load(await models.pin({ name, version }));
  const row = madeRow(model);
  const sizes = sizesUpTo(model.batchRows);
  const batches: BatchCost[] = [];
  for (const rows of sizes) {
    const [msPerRun] = quantiles(await timeRuns(() => runRows(model, row, rows), seconds / sizes.length), [0.5]);
    const msPerRow = msPerRun! / rows;
    batches.push({ rows, msPerRun: msPerRun!, msPerRow, pricePerMillionRows: perMillion(1000 / msPerRow) });
  }
  const best = batches.reduce((a, b) => (b.msPerRow * WORTHWHILE < a.msPerRow ? b : a));
  const runsPerSecond = await countPerSecond(() => runRows(model, row, best.rows), model.concurrency, seconds);

  // Whatever else the policy says, this version has to answer.
  const configured = { ...source.models, [name]: { ...source.models[name], versions: [version] } };
  await using control = openControl({ ...source, models: configured, stuckAfterMs: config.stuckAfter });
  await using core = createFrontEndCore(TIMEOUT_MS);
  await control.models.join(core.models);
  await control.models.start();
  const ask = async () => void (await core.predict({ name, version }, () => row, {}));
  const [p50Ms, p99Ms] = quantiles(await timeRuns(ask, seconds), [0.5, 0.99]);
  const requestsPerSecond = await countPerSecond(ask, CROWD, seconds);

  const rowsPerSecond = runsPerSecond * best.rows;
  return {
    model: { name, version },
    pricePerHour,
    alone: { p50Ms: p50Ms!, p99Ms: p99Ms! },
    online: {
      requestsPerSecond,
      p50Ms: (CROWD / requestsPerSecond) * 1000,
      pricePerMillionRows: perMillion(requestsPerSecond),
    },
    batches,
    bestBatchRows: best.rows,
    batch: { rowsPerHour: rowsPerSecond * 3600, pricePerMillionRows: perMillion(rowsPerSecond) },
  };
}

/** A row that the model takes: a real one where there is a `warmup.json`. */
function madeRow({ signature, exampleRows, model }: BatchModel): readonly NamedTensor[] {
  try {
    const tensors = decodeRows(signature, exampleRows.slice(0, 1));
    checkInputs(signature, tensors);
    return tensors;
  } catch (cause) {
    throw new ServeryError('INVALID_INPUT', `Cannot make a row for ${formatModelRef(model)}`, {
      cause,
      hint: 'Give the model real rows in warmup.json.',
    });
  }
}

function sizesUpTo(batchRows: number): readonly number[] {
  const sizes: number[] = [];
  for (let rows = 1; rows < batchRows; rows *= 4) sizes.push(rows);
  return [...sizes, batchRows];
}

async function runRows(model: BatchModel, row: readonly Tensor[], rows: number): Promise<void> {
  const repeated = model.signature.batched ? pickRows(row, new Array<number>(rows).fill(0)) : row;
  await model.run([repeated], { rows, timeoutMs: TIMEOUT_MS });
}

/** Milliseconds of each call, one after the other. */
async function timeRuns(call: () => Promise<void>, seconds: number): Promise<number[]> {
  const times: number[] = [];
  await call();
  const end = performance.now() + seconds * 1000;
  while (times.length < FEWEST_RUNS || performance.now() < end) {
    const began = performance.now();
    await call();
    times.push(performance.now() - began);
  }
  return times;
}

/** Calls that end in a second, when so many are always under way. */
async function countPerSecond(call: () => Promise<void>, atOnce: number, seconds: number): Promise<number> {
  const began = performance.now();
  const end = began + seconds * 1000;
  let calls = 0;
  const caller = async () => {
    do {
      await call();
      calls += 1;
    } while (performance.now() < end);
  };
  await Promise.all(Array.from({ length: atOnce }, caller));
  return calls / ((performance.now() - began) / 1000);
}

function quantiles(times: readonly number[], shares: readonly number[]): readonly number[] {
  const sorted = times.toSorted((a, b) => a - b);
  return shares.map((share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!);
}
