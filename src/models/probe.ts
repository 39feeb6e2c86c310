/**
 * Runs a version that has just been loaded until it is warm, and finds out how its answers and its cost
 * depend on the batch.
 *
 * The online and the batch way owe the same bits for the same row, whatever its neighbours are. Kernels do
 * not give that by themselves: some compute a lone row differently, some change with the number of rows. So
 * rows are run in batches of many sizes, at several places and among several neighbours, and their answers
 * are compared bit by bit. Models are slow or fast by a factor of a million: what is tried follows the time.
 */
import { systemClock } from '../core/clock.ts';
import { ServeryError, quote } from '../core/errors.ts';
import type { CheckedInputs } from '../core/signature.ts';
import type { Tensor } from '../core/tensor.ts';
import { openRunner } from '../runtime/open-runner.ts';
import type { ModelFacts, Runner } from '../runtime/runtime.ts';
import type { ProbeRequest, ProbeResult } from './load-version.ts';
import { Meter } from './probe-meter.ts';
import { answersByRow, differentRows, firstRows, pickRows } from './probe-rows.ts';

export type ProbeLimits = Omit<ProbeRequest, 'model'> & {
  readonly facts: ModelFacts;
  /** What the probe may take; a slow model is run a few times all the same. */
  readonly budgetMs?: number;
};

/** An event loop may wait this long for an inline model. */
const INLINE_P99_MS = 0.3;

const BUDGET_MS = 2000;
const WARM_UP_DEADLINE_MS = 60_000;
const POOL_ROWS = 8;
/** Few rows are where kernels change; the sizes beside the powers of two are for what is left over by vectors. */
const SIZES = [1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 15, 16, 17, 24, 31, 32, 33, 48, 63, 64];
const SIZES_OF_SLOW_MODELS = [1, 2, 3, 8];
const COST_SIZES = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024];

/** @throws {ServeryError} `MODEL_INVALID` when the model refuses rows that the user gave for its warm-up */
export async function probe({ model, ...request }: ProbeRequest): Promise<ProbeResult> {
  await using runner = await openRunner(model.connect());
  return await probeRunner(runner, { ...request, facts: model.facts });
}

/** @throws {ServeryError} `MODEL_INVALID` when the model refuses rows that the user gave for its warm-up */
async function probeRunner(runner: Runner, limits: ProbeLimits): Promise<ProbeResult> {
  const { artifact, signature, facts, maxRows, budgetMs = BUDGET_MS, gentle = false } = limits;
  const isHandler = artifact.format === 'handler';
  const meter = new Meter(runner, budgetMs, gentle);
  const inputs = await warmUp(meter, limits);
  if (inputs === undefined) {
    const notes = ['probe: the model refuses made rows, so it is not warm; give it real ones in warmup.json'];
    // Whether its rows influence each other could not be seen.
    return { minRows: 1, batchable: isHandler, settles: false, inline: false, costs: [], notes };
  }
  const given = inputs.tensors;
  // A handler may do things in the world: it runs no more often than it takes to warm it.
  if (isHandler) return finish({ minRows: 1, batchable: true, settles: true, notes: [] }, meter, limits);
  if (!signature.batched) {
    await meter.measure(1, given);
    return finish({ minRows: 1, batchable: false, settles: true, notes: [] }, meter, limits);
  }

  let pool = limits.given && inputs.rows > 1 ? firstRows(given) : differentRows(given, POOL_ROWS);
  let found: Found = { minRows: 1, batchable: false, settles: true, notes: [] };
  if (facts.rowsAreIndependent) {
    try {
      found = await findMinRows(meter, pool, limits);
    } catch {
      // The model takes what it was given, and nothing like it.
      pool = firstRows(given);
      found = await findMinRows(meter, pool, limits).catch((error: unknown) => refusesSizes(error));
    }
  }
  try {
    for (const rows of upTo(maxRows, COST_SIZES)) {
      if (rows > 1 && !meter.affords(rows)) continue;
      const inputs = rotation(pool, rows, 0);
      await meter.measure(rows, inputs, rows === maxRows);
      if (rows === maxRows && limits.allowInline) await meter.measureQuiet(rows, inputs, INLINE_P99_MS);
    }
  } catch (error) {
    found = refusesSizes(error);
  }
  return finish(found, meter, limits);
}

/** Runs the first rows that the model accepts; twice, as the first run of a model is not like the others. */
async function warmUp(
  meter: Meter,
  { candidates, given, predictRows }: ProbeLimits,
): Promise<CheckedInputs | undefined> {
  for (const inputs of candidates) {
    const { rows, tensors } = inputs;
    const deadline = systemClock.now() + WARM_UP_DEADLINE_MS;
    try {
      await meter.warm(tensors, { rows, deadline, predictRows });
      return inputs;
    } catch (error) {
      if (!given) continue;
      const problem = error instanceof ServeryError ? error.message : 'it failed';
      throw new ServeryError('MODEL_INVALID', `The model refuses its warm-up rows: ${problem}`, { cause: error });
    }
  }
  return undefined;
}

type Found = Pick<ProbeResult, 'minRows' | 'batchable' | 'settles' | 'notes'>;

/** The answers that each row of the pool had, by the size of the batch. */
type Answers = ReadonlyMap<number, readonly ReadonlySet<string>[]>;

async function findMinRows(meter: Meter, pool: readonly Tensor[], limits: ProbeLimits): Promise<Found> {
  const { signature, maxRows } = limits;
  const poolRows = pool[0]!.shape[0]!;
  const { isSlow } = meter;
  const answers = new Map<number, readonly Set<string>[]>();
  for (const size of upTo(maxRows, isSlow ? SIZES_OF_SLOW_MODELS : SIZES)) {
    if (size > 2 && !meter.affords(size, 0.7)) continue;
    const byRow = Array.from({ length: poolRows }, () => new Set<string>());
    // Every row at every place of a small batch, and at three places of a larger one.
    const shifts = isSlow ? 1 : size <= poolRows ? poolRows : 3;
    for (let shift = 0; shift < shifts; shift += 1) {
      const outputs = await meter.run(rotation(pool, size, shift), size);
      const wrong = outputs.findIndex(({ shape }) => shape[0] !== size);
      if (wrong !== -1) return wrongRows(signature.outputs[wrong]!.name, size, outputs[wrong]!.shape);
      answersByRow(outputs, size).forEach((answer, i) => byRow[(i + shift) % poolRows]!.add(answer));
    }
    answers.set(size, byRow);
    const isTried = isSlow ? size === 2 : size > 1 && size <= 9;
    if (isTried && (await isInfluenced(meter, pool, size))) return influenced(size);
  }
  return settle(answers, maxRows);
}

/** The same row at the same place, among other neighbours. */
async function isInfluenced(meter: Meter, pool: readonly Tensor[], size: number): Promise<boolean> {
  const others = pool[0]!.shape[0]! - 1;
  for (const place of meter.isSlow ? [0] : [0, size - 1]) {
    const among = async (neighbour: number) => {
      const order = new Array<number>(size).fill(neighbour);
      order[place] = 0;
      return answersByRow(await meter.run(pickRows(pool, order), size), size)[place];
    };
    const first = await among(1 % (others + 1));
    // A model that never answers the same twice is another matter.
    if (first !== (await among(others)) && first === (await among(1 % (others + 1)))) return true;
  }
  return false;
}

function wrongRows(output: string, rows: number, [got]: readonly number[]): Found {
  const notes = [`probe: output ${quote(output)} has ${got ?? 'no'} rows for ${rows}, so such requests will fail`];
  return { minRows: 1, batchable: false, settles: false, notes };
}

function influenced(size: number): Found {
  const notes = [
    `probe: the answer of a row changes with its neighbours (seen with ${size} rows), so it is never batched`,
  ];
  return { minRows: 1, batchable: false, settles: false, notes };
}

function refusesSizes(error: unknown): Found {
  const problem = error instanceof ServeryError ? error.message : 'it failed';
  const notes = [`probe: the model does not take batches of every size, so it is never batched: ${problem}`];
  return { minRows: 1, batchable: false, settles: false, notes };
}

/** The smallest size from which on no answer changes. */
function settle(answers: Answers, maxRows: number): Found {
  const sizes = [...answers.keys()];
  const largest = sizes.at(-1)!;
  const expected = answers.get(largest)!;
  let minRows: number | undefined;
  for (const size of sizes.toReversed()) {
    // A row that was in no batch of this size has no answers.
    const isSame = answers
      .get(size)!
      .every((seen, row) => seen.size + expected[row]!.size <= 2 && seen.isSubsetOf(expected[row]!));
    if (!isSame) break;
    minRows = size;
  }
  const tried = `tried with ${largest === 1 ? '1 row' : `1 to ${largest} rows`}`;
  // The largest size agrees with itself: alone that says nothing.
  if (minRows === undefined || (minRows === largest && maxRows > 1)) {
    const notes = [`probe: answers do not settle: the last bits of a row change with its batch (${tried})`];
    return { minRows: 1, batchable: true, settles: false, notes };
  }
  const what =
    minRows === 1
      ? 'do not depend on the batch'
      : `are the same from ${minRows} rows on, so smaller batches are padded`;
  return { minRows, batchable: true, settles: true, notes: [`probe: answers ${what} (${tried})`] };
}

function finish(found: Found, meter: Meter, { allowInline, maxRows, signature }: ProbeLimits): ProbeResult {
  const costs = meter.costs();
  const first = costs[0]!;
  const largest = costs.at(-1)!;
  const { batched } = signature;
  const p99 = `p99 ${rounded(largest.p99Ms)} ms`;
  const notes = [...found.notes];
  if (costs.length === 1) notes.push(`cost: ${rounded(first.runMs)} ms a run (${p99})`);
  else {
    notes.push(
      `cost: ${first.rows} row ${rounded(first.runMs)} ms, ${largest.rows} rows ${rounded(largest.runMs)} ms (${p99})`,
    );
  }
  // A request that cannot be split may bring any number of rows, and no event loop may wait for that.
  const isBounded = batched ? found.batchable && largest.rows === maxRows : true;
  const inline = allowInline && isBounded && largest.p99Ms < INLINE_P99_MS;
  if (inline) notes.push('inline: it runs on the front-end threads');
  else if (allowInline) {
    notes.push(isBounded ? `not inline: over ${INLINE_P99_MS} ms at p99` : 'not inline: a request cannot be split');
  }
  return { ...found, inline, costs: costs.map(({ rows, runMs }) => ({ rows, runMs })), notes };
}

function rounded(ms: number): number {
  return Number(ms.toPrecision(2));
}

function upTo(maxRows: number, sizes: readonly number[]): readonly number[] {
  return [...sizes.filter((size) => size < maxRows), maxRows];
}

function rotation(pool: readonly Tensor[], size: number, shift: number): readonly Tensor[] {
  const poolRows = pool[0]!.shape[0]!;
  return pickRows(
    pool,
    Array.from({ length: size }, (_, i) => (i + shift) % poolRows),
  );
}
