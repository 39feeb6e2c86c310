/** TensorFlow Serving's names. It counts by model, not by version, in microseconds. */
import type { ErrorCode } from '../../core/errors.ts';
import type { AliasSource } from '../aliases.ts';
import { AT, CODES, DOORS, histogramOf, ROW_BOUNDS, rowHistogramOf, type VersionCounters } from '../counters.ts';
import { TENSORFLOW_BOUNDS } from '../latency-bounds.ts';
import { batchSamples, counter, latencySamples, rowSamples, type PrintedMetric } from '../printed-metric.ts';

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

/** Its histograms of batches end at 8192 rows. */
const BATCH_BOUNDS = ROW_BOUNDS.slice(0, 14);

export function tensorflowServingMetrics({ models, total }: AliasSource): readonly PrintedMetric[] {
  type Labels = Readonly<Record<string, string>>;
  const perModel = (
    name: string,
    help: string,
    samples: (name: string, labels: Labels, counters: VersionCounters) => PrintedMetric['values'],
  ): PrintedMetric => ({
    name: PREFIX + name,
    help,
    type: 'histogram',
    values: models.flatMap((counters) => samples(PREFIX + name, { model_name: counters.name }, counters)),
  });
  const latency = (name: string, help: string, labels: Labels, timed: 'queue' | 'compute') =>
    perModel(name, help, (name, model, { numbers }) =>
      latencySamples(name, { ...model, ...labels }, histogramOf(numbers, timed), TENSORFLOW_BOUNDS, 1000),
    );
  const examples = `${PREFIX}request_example_count`;
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
    perModel('request_latency', 'Distribution of wall time (in microseconds) to answer a request.', requestLatency),
    latency(
      'runtime_latency',
      'Distribution of wall time (in microseconds) in the engine.',
      { API: 'Predict', runtime: 'TF1' },
      'compute',
    ),
    {
      name: `${examples}s`,
      help: 'The number of rows per request.',
      type: 'histogram',
      values: models.flatMap(({ name, numbers }) =>
        rowSamples(`${examples}s`, { model: name }, rowHistogramOf(numbers, 'requestRows')),
      ),
    },
    counter(
      `${examples}_total`,
      'The total number of rows.',
      models.map(({ name, numbers }) => ({
        labels: { model: name },
        value: rowHistogramOf(numbers, 'requestRows').sum,
      })),
    ),
    latency(
      'batching_session:queuing_latency',
      'Distribution of wall time (in microseconds) in the queue.',
      {},
      'queue',
    ),
    perModel('batching_session:input_batch_size', 'Rows of requests.', (name, labels, { numbers }) =>
      rowSamples(name, labels, rowHistogramOf(numbers, 'requestRows'), BATCH_BOUNDS),
    ),
    perModel(
      'batching_session:processed_batch_size',
      'Rows of processed batches, padding included.',
      (name, labels, counters) => batchSamples(name, labels, counters, BATCH_BOUNDS),
    ),
    perModel('batching_session:padding_size', 'Rows added to batches.', (name, labels, { numbers }) =>
      rowSamples(name, labels, rowHistogramOf(numbers, 'padding'), BATCH_BOUNDS),
    ),
    counter(
      `${PREFIX}batching_session:wrapped_run_count`,
      'Runs of the engine.',
      models.map(({ name, numbers }) => ({ labels: { model_name: name }, value: numbers[AT.runs]! })),
    ),
    counter(':tensorflow:core:graph_runs', 'Runs of all models.', [{ labels: {}, value: total.numbers[AT.runs]! }]),
    counter(':tensorflow:core:graph_run_time_usecs', 'Time of these runs, in microseconds.', [
      { labels: {}, value: [...total.sizes.values()].reduce((sum, { runMs }) => sum + runMs * 1000, 0) },
    ]),
  ];
}

/** Of answers that are well, as there; a series only where something came in. */
function requestLatency(name: string, labels: Readonly<Record<string, string>>, { numbers }: VersionCounters) {
  const entrypoints = [
    ['httpOk', { API: 'predict', entrypoint: 'REST' }],
    ['grpcOk', { API: 'Predict', entrypoint: 'GRPC' }],
  ] as const;
  return entrypoints.flatMap(([timed, api]) => {
    const histogram = histogramOf(numbers, timed);
    if (histogram.buckets.every((count) => count === 0)) return [];
    return latencySamples(name, { ...labels, ...api }, histogram, TENSORFLOW_BOUNDS, 1000);
  });
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
