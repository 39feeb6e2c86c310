/** Triton's names. Its durations are sums over requests, in microseconds. */
import type { ErrorCode } from '../../core/errors.ts';
import type { AliasSource } from '../aliases.ts';
import { AT, CODES, DOORS, type VersionCounters } from '../counters.ts';
import { counter, gauge, type PrintedMetric } from '../printed-metric.ts';

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
  ];
}

function failures({ numbers }: VersionCounters, reason: string): number {
  let count = 0;
  CODES.forEach((code, j) => {
    if (code === 'OK' || reasonOf(code) !== reason) return;
    for (let door = 0; door < DOORS.length; door += 1) count += numbers[AT.answered + door * CODES.length + j]!;
  });
  return count;
}
