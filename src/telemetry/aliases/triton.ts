/** Triton's names. Its durations are sums over requests, in microseconds. */
import type { ErrorCode } from '../../core/errors.ts';
import type { AliasSource } from '../aliases.ts';
import { AT, CODES, DOORS, histogramOf, type Histogram, type Timed, type VersionCounters } from '../counters.ts';
import { TRITON_BOUNDS } from '../latency-bounds.ts';
import { counter, gauge, latencySamples, summarySamples, type PrintedMetric } from '../printed-metric.ts';
import { readHost } from './host.ts';

const REASONS = ['REJECTED', 'CANCELED', 'BACKEND', 'OTHER'] as const;

function reasonOf(code: ErrorCode): (typeof REASONS)[number] {
  switch (code) {
    case 'QUEUE_FULL':
    case 'DEADLINE_EXCEEDED':
    case 'SHUTTING_DOWN':
      return 'REJECTED';
    case 'CANCELLED':
      return 'CANCELED';
    case 'MODEL_FAILED':
    case 'HANDLER_FAILED':
    case 'HANDLER_RESTARTED':
      return 'BACKEND';
    default:
      return 'OTHER';
  }
}

export function tritonMetrics({ versions, gauges }: AliasSource): readonly PrintedMetric[] {
  const labelsOf = ({ name, version }: { name: string; version: number }) => ({ model: name, version });
  const sum = (name: string, help: string, at: number, factor = 1) =>
    counter(
      `nv_inference_${name}`,
      help,
      versions.map((counters) => ({ labels: labelsOf(counters), value: counters.numbers[at]! * factor })),
    );
  const summary = (name: string, help: string, histogram: (counters: VersionCounters) => Histogram): PrintedMetric => ({
    name: `nv_inference_${name}_summary_us`,
    help,
    type: 'summary',
    values: versions.flatMap((counters) =>
      summarySamples(`nv_inference_${name}_summary_us`, labelsOf(counters), histogram(counters)),
    ),
  });
  const timed =
    (stage: Timed) =>
    ({ numbers }: VersionCounters) =>
      histogramOf(numbers, stage);
  const first = 'nv_inference_first_response_histogram_ms';
  const { cpuShare, memoryBytes, freeMemoryBytes } = readHost();
  return [
    sum('request_success', 'Number of successful inference requests, all batch sizes', AT.succeeded),
    counter(
      'nv_inference_request_failure',
      'Number of failed inference requests, all batch sizes',
      versions.flatMap((counters) =>
        REASONS.map((reason) => ({ labels: { ...labelsOf(counters), reason }, value: failures(counters, reason) })),
      ),
    ),
    sum('count', 'Number of inferences performed (does not include cached requests)', AT.rows),
    sum('exec_count', 'Number of model executions performed (does not include cached requests)', AT.runs),
    gauge(
      'nv_inference_pending_request_count',
      'Rows that wait: Triton counts requests.',
      gauges.versions.map(({ model, queuedRows }) => ({ labels: labelsOf(model), value: queuedRows })),
    ),
    sum('request_duration_us', 'Cumulative inference request duration in microseconds', AT.succeededMs, 1000),
    sum('queue_duration_us', 'Cumulative inference queuing duration in microseconds', AT.queuedMs, 1000),
    sum('compute_input_duration_us', 'Cumulative compute input duration in microseconds', AT.handedOverMs, 1000),
    sum('compute_infer_duration_us', 'Cumulative compute inference duration in microseconds', AT.computedMs, 1000),
    // In that of the input. Dashboards add them all up, and nothing can be added to what is not there.
    counter(
      'nv_inference_compute_output_duration_us',
      'Cumulative compute output duration in microseconds',
      versions.map((counters) => ({ labels: labelsOf(counters), value: 0 })),
    ),
    summary('request', 'Summary of inference request duration in microseconds', succeeded),
    summary('queue', 'Summary of inference queuing duration in microseconds', timed('queue')),
    summary('compute_input', 'Summary of compute input duration in microseconds', timed('handedOver')),
    summary('compute_infer', 'Summary of compute inference duration in microseconds', timed('compute')),
    {
      name: first,
      help: 'Duration from request to first response in milliseconds',
      type: 'histogram',
      values: versions.flatMap((counters) => {
        const histogram = histogramOf(counters.numbers, 'firstChunk');
        // As there, only models that answer bit by bit have one.
        if (histogram.buckets.every((count) => count === 0)) return [];
        return latencySamples(first, labelsOf(counters), histogram, TRITON_BOUNDS, 1);
      }),
    },
    gauge('nv_cpu_utilization', 'CPU utilization rate [0.0 - 1.0]', [{ labels: {}, value: cpuShare }]),
    gauge('nv_cpu_memory_total_bytes', 'CPU total memory (RAM), in bytes', [{ labels: {}, value: memoryBytes }]),
    gauge('nv_cpu_memory_used_bytes', 'CPU used memory (RAM), in bytes', [
      { labels: {}, value: memoryBytes - freeMemoryBytes },
    ]),
  ];
}

function succeeded({ numbers }: VersionCounters): Histogram {
  const http = histogramOf(numbers, 'httpOk');
  const grpc = histogramOf(numbers, 'grpcOk');
  return { buckets: http.buckets.map((count, i) => count + grpc.buckets[i]!), sum: http.sum + grpc.sum };
}

function failures({ numbers }: VersionCounters, reason: string): number {
  let count = 0;
  CODES.forEach((code, j) => {
    if (code === 'OK' || reasonOf(code) !== reason) return;
    for (let door = 0; door < DOORS.length; door += 1) count += numbers[AT.answered + door * CODES.length + j]!;
  });
  return count;
}
