/**
 * How many rows a run of batch work takes.
 *
 * The online half has settled from how many rows on the answers of a version stay the same, up to its own largest
 * batch. Larger ones are cheaper by the row, and may come from other kernels: they are taken only where they are seen
 * to give the same bits.
 */
import { checkInputs, type Signature } from '../../core/signature.ts';
import type { Tensor } from '../../core/tensor.ts';
import { answersByRow, differentRows, pickRows } from '../../models/probe-rows.ts';
import type { VersionDescriptor } from '../../models/snapshot.ts';
import { decodeRows } from '../../protocol/rows.ts';
import type { Runner } from '../../runtime/runtime.ts';

const POOL_ROWS = 8;
/** Sizes that may be taken; the odd ones beside them are compared only, for what is left over by vectors. */
const SIZES = [128, 256, 512, 1024, 2048, 4096, 8192];
const ODD = 3;
/** A batch that takes longer gives way too rarely. */
const LONGEST_RUN_MS = 250;
const MOST_BYTES = 32 * 1024 * 1024;
/** As good as the best: then the larger one is taken, as it goes to the model less often. */
const AS_GOOD = 1.05;
const BUDGET_MS = 1500;

/** @param maxRows largest batch that the version can take at all */
export async function findBatchRows(runner: Runner, descriptor: VersionDescriptor, maxRows: number): Promise<number> {
  const { minRows, batching, signature } = descriptor;
  const known = Math.max(minRows, batching.maxRows);
  const pool = poolOf(signature, descriptor.exampleRows);
  if (pool === undefined) return known;
  const rowBytes = bytesOf(pool) / pool[0]!.shape[0]!;
  try {
    const began = performance.now();
    const expected = answersOf(await run(runner, pool, known), known, pool);
    if (expected === undefined) return known;
    const costs = [{ rows: known, msPerRow: (await quickest(runner, pool, known)) / known }];
    for (const rows of SIZES) {
      const expectedMs = costs.at(-1)!.msPerRow * rows;
      const isTooMuch = rows > maxRows || rows * rowBytes > MOST_BYTES || expectedMs > LONGEST_RUN_MS;
      if (rows <= known) continue;
      if (isTooMuch || performance.now() - began + 4 * expectedMs > BUDGET_MS) break;
      if (!(await agrees(runner, pool, rows - ODD, expected)) || !(await agrees(runner, pool, rows, expected))) break;
      costs.push({ rows, msPerRow: (await quickest(runner, pool, rows)) / rows });
    }
    const least = Math.min(...costs.map(({ msPerRow }) => msPerRow));
    return costs.findLast(({ msPerRow }) => msPerRow <= least * AS_GOOD)!.rows;
  } catch {
    // It does not take made rows, or not so many: what the online half does is right in any case.
    return known;
  }
}

function poolOf(signature: Signature, exampleRows: VersionDescriptor['exampleRows']): readonly Tensor[] | undefined {
  try {
    const { tensors } = checkInputs(signature, decodeRows(signature, exampleRows));
    return differentRows(tensors, POOL_ROWS);
  } catch {
    return undefined;
  }
}

function bytesOf(tensors: readonly Tensor[]): number {
  return tensors.reduce((sum, { data }) => sum + ('byteLength' in data ? data.byteLength : data.length * 64), 0);
}

async function run(runner: Runner, pool: readonly Tensor[], rows: number) {
  const poolRows = pool[0]!.shape[0]!;
  const inputs = pickRows(
    pool,
    Array.from({ length: rows }, (_, i) => i % poolRows),
  );
  return runner.run([inputs], { rows });
}

/** The answer of each row of the pool, or undefined when one has several. */
function answersOf(
  { outputs }: Awaited<ReturnType<typeof run>>,
  rows: number,
  pool: readonly Tensor[],
): readonly string[] | undefined {
  if (outputs.some(({ shape }) => shape[0] !== rows)) return undefined;
  const poolRows = pool[0]!.shape[0]!;
  const answers = answersByRow(outputs, rows);
  return answers.every((answer, i) => answer === answers[i % poolRows]) ? answers.slice(0, poolRows) : undefined;
}

async function agrees(
  runner: Runner,
  pool: readonly Tensor[],
  rows: number,
  expected: readonly string[],
): Promise<boolean> {
  const answers = answersOf(await run(runner, pool, rows), rows, pool);
  return answers !== undefined && answers.every((answer, i) => answer === expected[i]);
}

/** With the way to the model and back, which larger batches go less often. */
async function quickest(runner: Runner, pool: readonly Tensor[], rows: number): Promise<number> {
  let quickestMs = Infinity;
  for (let i = 0; i < 3; i += 1) {
    const began = performance.now();
    await run(runner, pool, rows);
    quickestMs = Math.min(quickestMs, performance.now() - began);
  }
  return quickestMs;
}
