/** TensorFlow Serving's names. It counts by model, not by version, in microseconds. */
import type { ErrorCode } from '../../core/errors.ts';
import type { AliasSource } from '../aliases.ts';
import { AT, CODES, DOORS, STAGES, type VersionCounters } from '../counters.ts';
import { batchSamples, counter, latencySamples, type PrintedMetric } from '../printed-metric.ts';

const PREFIX = ':tensorflow:serving:';

function statusOf(code: ErrorCode | 'OK'): string {
  switch (code) {
    case 'OK':
      return 'OK';
    case 'CANCELLED':
      return 'CANCELLED';
    case 'DEADLINE_EXCEEDED':
      return 'DEADLINE_EXCEEDED';
    case 'MODEL_NOT_FOUND':
      return 'NOT_FOUND';
    case 'QUEUE_FULL':
    case 'SHUTTING_DOWN':
    case 'MODEL_NOT_READY':
    case 'HANDLER_RESTARTED':
      return 'UNAVAILABLE';
    case 'UNSUPPORTED':
      return 'UNIMPLEMENTED';
    case 'PAYLOAD_TOO_LARGE':
      return 'RESOURCE_EXHAUSTED';
    case 'INVALID_REQUEST':
    case 'INVALID_INPUT':
    case 'UNSUPPORTED_MEDIA_TYPE':
    case 'UNSUPPORTED_ENCODING':
      return 'INVALID_ARGUMENT';
    default:
      return 'INTERNAL';
  }
}

export function tensorflowServingMetrics({ models }: AliasSource): readonly PrintedMetric[] {
  const latency = (name: string, help: string, stage: (typeof STAGES)[number], API?: string): PrintedMetric => ({
    name: PREFIX + name,
    help,
    type: 'histogram',
    values: models.flatMap((counters) => {
      const labels = { model_name: counters.name, ...(API !== undefined && { API }) };
      return latencySamples(PREFIX + name, labels, counters, STAGES.indexOf(stage), 1000);
    }),
  });
  const processed = `${PREFIX}batching_session:processed_batch_size`;
  return [
    counter(
      `${PREFIX}request_count`,
      'The total number of requests.',
      models.flatMap((counters) =>
        [...requestCounts(counters)].map(([status, value]) => ({
          labels: { model_name: counters.name, status },
          value,
        })),
      ),
    ),
    latency('request_latency', 'Distribution of wall time (in microseconds) to answer a request.', 'total', 'Predict'),
    latency('runtime_latency', 'Distribution of wall time (in microseconds) in the engine.', 'compute', 'Predict'),
    latency('batching_session:queuing_latency', 'Distribution of wall time (in microseconds) in the queue.', 'queue'),
    {
      name: processed,
      help: 'Distribution of the sizes of processed batches, padding included.',
      type: 'histogram',
      values: models.flatMap((counters) =>
        batchSamples(processed, { model_name: counters.name }, counters, counters.numbers[AT.ranRows]!),
      ),
    },
    counter(
      `${PREFIX}batching_session:wrapped_run_count`,
      'Runs of the engine.',
      models.map(({ name, numbers }) => ({ labels: { model_name: name }, value: numbers[AT.runs]! })),
    ),
  ];
}

function requestCounts({ numbers }: VersionCounters): Map<string, number> {
  const counts = new Map([['OK', 0]]);
  CODES.forEach((code, j) => {
    const status = statusOf(code);
    for (let door = 0; door < DOORS.length; door += 1) {
      const count = numbers[AT.answered + door * CODES.length + j]!;
      if (count > 0) counts.set(status, (counts.get(status) ?? 0) + count);
    }
  });
  return counts;
}
