/**
 * How long a run of n rows is expected to take.
 *
 * Starts from what warm-up measured and follows what is observed. One value for each power of two:
 * cost grows smoothly with rows, and a table this small adapts after a few runs of each size.
 *
 * A size that looks dear is not run, so nothing would ever correct what a bad moment has made of it: after an overload
 * a model would go on with the smallest batches for good. Other sizes correct it: no run takes longer than a larger one,
 * nor than as many smaller ones as it has rows of.
 */
const BUCKETS = 17; // 1 to 65,536 rows
/** Weight of a new observation: ten runs replace nearly all of an old value. */
const WEIGHT = 0.2;

export class CostModel {
  /** Milliseconds observed for 2^i rows; infinite where nothing is known. */
  readonly #observed = new Float64Array(BUCKETS).fill(Infinity);
  /** The least that the observations of all sizes allow. */
  readonly #expected = new Float64Array(BUCKETS);

  constructor(measured: readonly { readonly rows: number; readonly runMs: number }[]) {
    for (const { rows, runMs } of measured) this.observe(rows, runMs);
  }

  observe(rows: number, runMs: number): void {
    const observed = this.#observed;
    const expected = this.#expected;
    const i = bucketOf(rows);
    const known = observed[i]!;
    observed[i] = known === Infinity ? runMs : known + WEIGHT * (runMs - known);
    for (let j = BUCKETS - 1, least = Infinity; j >= 0; j -= 1) {
      least = Math.min(least, observed[j]!);
      expected[j] = least;
    }
    for (let j = 1; j < BUCKETS; j += 1) expected[j] = Math.min(expected[j]!, 2 * expected[j - 1]!);
  }

  /** Expected milliseconds; 0 when nothing is known yet, so that nothing is held back on a guess. */
  estimate(rows: number): number {
    return this.#expected[bucketOf(rows)]!;
  }
}

function bucketOf(rows: number): number {
  return Math.min(BUCKETS - 1, rows <= 1 ? 0 : 32 - Math.clz32(rows - 1));
}
