/** A metric as it is printed, made when somebody scrapes. */
import { histogramOf, LATENCY_BOUNDS_MS, type VersionCounters } from './counters.ts';

export interface PrintedMetric {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly values: readonly Sample[];
}

export interface Sample {
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
  /** When it differs from the metric's: `…_bucket`. */
  readonly metricName?: string;
}

export function gauge(name: string, help: string, values: readonly Sample[]): PrintedMetric {
  return { name, help, type: 'gauge', values };
}

export function counter(name: string, help: string, values: readonly Sample[]): PrintedMetric {
  return { name, help, type: 'counter', values };
}

/** @param perMs units of the metric in a millisecond */
export function latencySamples(
  name: string,
  labels: Sample['labels'],
  { numbers }: VersionCounters,
  stage: number,
  perMs: number,
): Sample[] {
  const { buckets, sumMs } = histogramOf(numbers, stage);
  // Divided where that is exact: 0.1 ms is 0.0001 s, and not a little more.
  const scaled = (ms: number) => (perMs < 1 ? ms / (1 / perMs) : ms * perMs);
  return histogramSamples(name, labels, LATENCY_BOUNDS_MS.map(scaled), buckets, scaled(sumMs));
}

/** @param buckets each for itself; the last takes what is above all bounds */
function histogramSamples(
  name: string,
  labels: Sample['labels'],
  bounds: readonly number[],
  buckets: Float64Array,
  sum: number,
): Sample[] {
  let count = 0;
  const samples: Sample[] = Array.from(buckets, (inBucket, i) => {
    count += inBucket;
    return { metricName: `${name}_bucket`, labels: { ...labels, le: bounds[i] ?? '+Inf' }, value: count };
  });
  samples.push(
    { metricName: `${name}_sum`, labels, value: sum },
    { metricName: `${name}_count`, labels, value: count },
  );
  return samples;
}

const BATCH_BOUNDS = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024];

/** Rows of the runs. */
export function batchSamples(
  name: string,
  labels: Sample['labels'],
  { sizes }: VersionCounters,
  ranRows: number,
): Sample[] {
  const buckets = new Float64Array(BATCH_BOUNDS.length + 1);
  for (const { rows, count } of sizes.values()) {
    const bucket = BATCH_BOUNDS.findIndex((bound) => rows <= bound);
    buckets[bucket === -1 ? BATCH_BOUNDS.length : bucket]! += count;
  }
  return histogramSamples(name, labels, BATCH_BOUNDS, buckets, ranRows);
}
