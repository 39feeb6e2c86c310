/**
 * How long a run of n rows is expected to take.
 *
 * Starts from what warm-up measured and follows what is observed. One value for each power of two:
 * cost grows smoothly with rows, and a table this small adapts after a few runs of each size.
 */
const BUCKETS = 17; // 1 to 65,536 rows
/** Weight of a new observation: ten runs replace nearly all of an old value. */
const WEIGHT = 0.2;

export class CostModel {
  /** Milliseconds for 2^i rows; NaN where nothing is known. */
  readonly #ms = new Float64Array(BUCKETS).fill(NaN);

  constructor(measured: readonly { readonly rows: number; readonly runMs: number }[]) {
    for (const { rows, runMs } of measured) this.observe(rows, runMs);
  }

  observe(rows: number, runMs: number): void {
    const i = bucketOf(rows);
    const known = this.#ms[i]!;
    this.#ms[i] = Number.isNaN(known) ? runMs : known + WEIGHT * (runMs - known);
  }

  /** Expected milliseconds; 0 when nothing is known yet, so that nothing is held back on a guess. */
  estimate(rows: number): number {
    const i = bucketOf(rows);
    if (!Number.isNaN(this.#ms[i]!)) return this.#ms[i]!;
    // Nearest known size below, scaled up linearly: an upper bound, as batching is never worse than that.
    for (let j = i - 1; j >= 0; j -= 1) if (!Number.isNaN(this.#ms[j]!)) return (this.#ms[j]! * rows) / 2 ** j;
    for (let j = i + 1; j < BUCKETS; j += 1) if (!Number.isNaN(this.#ms[j]!)) return this.#ms[j]!;
    return 0;
  }
}

function bucketOf(rows: number): number {
  return Math.min(BUCKETS - 1, rows <= 1 ? 0 : 32 - Math.clz32(rows - 1));
}
