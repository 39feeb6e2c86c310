/** A metric as it is printed, made when somebody scrapes. */
import { AT, ROW_BOUNDS, type Histogram, type VersionCounters } from './counters.ts';
import { KEPT_BOUNDS_MS, type Bound } from './latency-bounds.ts';

export interface PrintedMetric {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge' | 'histogram' | 'summary';
  readonly values: readonly Sample[];
}

export interface Sample {
  readonly labels: Labels;
  readonly value: number;
  /** When it differs from the metric's: `…_bucket`. */
  readonly metricName?: string;
}

type Labels = Readonly<Record<string, string | number>>;

export function gauge(name: string, help: string, values: readonly Sample[]): PrintedMetric {
  return { name, help, type: 'gauge', values };
}

export function counter(name: string, help: string, values: readonly Sample[]): PrintedMetric {
  return { name, help, type: 'counter', values };
}

/** @param perMs units of the metric in a millisecond */
export function latencySamples(
  name: string,
  labels: Labels,
  { buckets, sum }: Histogram,
  bounds: readonly Bound[],
  perMs: number,
): Sample[] {
  const counts = cumulate(buckets);
  const upTo = bounds.map(({ ms, le }) => [le, counts[KEPT_BOUNDS_MS.indexOf(ms)]!] as const);
  return histogramSamples(name, labels, upTo, counts.at(-1)!, scaled(sum, perMs));
}

/** Divided where that is exact. */
function scaled(ms: number, perMs: number): number {
  return perMs < 1 ? ms / (1 / perMs) : ms * perMs;
}

function cumulate(buckets: Float64Array): readonly number[] {
  let count = 0;
  return Array.from(buckets, (inBucket) => (count += inBucket));
}

/** @param upTo how many are not above each bound */
function histogramSamples(
  name: string,
  labels: Labels,
  upTo: readonly (readonly [bound: string | number, count: number])[],
  count: number,
  sum: number,
): Sample[] {
  return [
    ...[...upTo, ['+Inf', count] as const].map(([le, value]) => ({
      metricName: `${name}_bucket`,
      labels: { ...labels, le },
      value,
    })),
    { metricName: `${name}_sum`, labels, value: sum },
    { metricName: `${name}_count`, labels, value: count },
  ];
}

const QUANTILES = [0.5, 0.9, 0.95, 0.99, 0.999];

/** Quantiles in microseconds of all times since the start, between bounds as if they were spread evenly. */
export function summarySamples(name: string, labels: Labels, { buckets, sum }: Histogram): Sample[] {
  const counts = cumulate(buckets);
  const count = counts.at(-1)!;
  return [
    { metricName: `${name}_count`, labels, value: count },
    { metricName: `${name}_sum`, labels, value: sum * 1000 },
    ...QUANTILES.map((quantile) => ({
      labels: { ...labels, quantile },
      value: count === 0 ? Number.NaN : quantileMs(counts, quantile * count) * 1000,
    })),
  ];
}

function quantileMs(counts: readonly number[], rank: number): number {
  const bucket = counts.findIndex((count) => count >= rank);
  const below = bucket === 0 ? 0 : KEPT_BOUNDS_MS[bucket - 1]!;
  const above = KEPT_BOUNDS_MS[bucket];
  if (above === undefined) return below;
  const before = bucket === 0 ? 0 : counts[bucket - 1]!;
  return below + ((above - below) * (rank - before)) / (counts[bucket]! - before);
}

export const BATCH_BOUNDS = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024];

/** Rows of the runs. */
export function batchSamples(
  name: string,
  labels: Labels,
  { sizes, numbers }: VersionCounters,
  bounds: readonly number[],
): Sample[] {
  const all = [...sizes.values()];
  const countOf = (isIn: (rows: number) => boolean) =>
    all.reduce((sum, { rows, count }) => sum + (isIn(rows) ? count : 0), 0);
  const upTo = bounds.map((bound) => [bound, countOf((rows) => rows <= bound)] as const);
  return histogramSamples(
    name,
    labels,
    upTo,
    countOf(() => true),
    numbers[AT.ranRows]!,
  );
}

/** @param bounds some of `ROW_BOUNDS`, from the first on */
export function rowSamples(name: string, labels: Labels, { buckets, sum }: Histogram, bounds = ROW_BOUNDS): Sample[] {
  const counts = cumulate(buckets);
  const upTo = bounds.map((bound, i) => [bound, counts[i]!] as const);
  return histogramSamples(name, labels, upTo, counts.at(-1)!, sum);
}
