/**
 * The bounds of latency histograms: ours, and those that the dashboards of other systems name (`le="708235"`).
 *
 * A count can be given for a bound only if it was kept for it, so what is kept is all of them together. Each
 * histogram is then printed with its own bounds, and none of its counts is an estimate.
 */

/** An upper bound in milliseconds, and as it is printed in the unit of its metric. */
export interface Bound {
  readonly ms: number;
  readonly le: string;
}

/** In seconds. Divided, as that is exact: 0.1 ms is 0.0001 s, and not a little more. */
export const OUR_BOUNDS: readonly Bound[] = [
  0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000,
].map((ms) => ({ ms, le: String(ms / 1000) }));

/** In seconds: those of Prometheus' Python client, which writes whole numbers with a point. */
export const PYTHON_BOUNDS: readonly Bound[] = [
  5, 10, 25, 50, 75, 100, 250, 500, 750, 1000, 2500, 5000, 7500, 10_000,
].map((ms) => ({ ms, le: ms % 1000 === 0 ? (ms / 1000).toFixed(1) : String(ms / 1000) }));

/** In milliseconds: Triton's for the time to the first answer. */
export const TRITON_BOUNDS: readonly Bound[] = [100, 500, 2000, 5000].map((ms) => ({ ms, le: String(ms) }));

/** In microseconds: TensorFlow Serving's, each 1.8 times the one before. */
export const TENSORFLOW_BOUNDS: readonly Bound[] = Array.from({ length: 33 }, (_, i) => {
  const us = 10 * 1.8 ** i;
  return { ms: us / 1000, le: sixDigits(us) };
});

/** As `%g` in C. */
function sixDigits(value: number): string {
  if (value < 1e6) return String(Number(value.toPrecision(6)));
  const [digits, power = ''] = value.toExponential(5).split('e+');
  return `${Number(digits)}e+${power.padStart(2, '0')}`;
}

/** Ascending; one more bucket takes the rest. */
export const KEPT_BOUNDS_MS: readonly number[] = [
  ...new Set([...OUR_BOUNDS, ...PYTHON_BOUNDS, ...TRITON_BOUNDS, ...TENSORFLOW_BOUNDS].map(({ ms }) => ms)),
].sort((a, b) => a - b);

/** The bucket of a time: the first whose bound is not below it. */
export function bucketOf(ms: number): number {
  let low = 0;
  let high = KEPT_BOUNDS_MS.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ms > KEPT_BOUNDS_MS[middle]!) low = middle + 1;
    else high = middle;
  }
  return low;
}
