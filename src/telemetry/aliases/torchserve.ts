/** TorchServe's names. Its gauges are of the last request; here they are means since the start. */
import { freemem, hostname, totalmem } from 'node:os';
import type { AliasSource } from '../aliases.ts';
import { AT, CODES, DOORS, type VersionCounters } from '../counters.ts';
import { createProcessorMeter, diskFigures } from '../host.ts';
import { counter, gauge, type PrintedMetric } from '../printed-metric.ts';

const HTTP = DOORS.indexOf('http');
const MEGABYTE = 2 ** 20;
const GIGABYTE = 2 ** 30;

const processorPercent = createProcessorMeter();

/** What the client did wrong; all other failures are the server's. */
const CLIENT_ERRORS: ReadonlySet<string> = new Set<(typeof CODES)[number]>([
  'INVALID_REQUEST',
  'INVALID_INPUT',
  'NOT_FOUND',
  'METHOD_NOT_ALLOWED',
  'UNSUPPORTED_MEDIA_TYPE',
  'UNSUPPORTED_ENCODING',
  'PAYLOAD_TOO_LARGE',
  'UNAUTHENTICATED',
  'FORBIDDEN',
  'HOST_NOT_ALLOWED',
  'ORIGIN_NOT_ALLOWED',
  'CANCELLED',
  'CONFLICT',
  'MODEL_NOT_FOUND',
  'DEADLINE_EXCEEDED',
]);

export function torchserveMetrics({ versions, models, total }: AliasSource): readonly PrintedMetric[] {
  const Hostname = hostname();
  const host = { Level: 'Host', Hostname };
  const ofHost = (name: string, help: string, value: number) => gauge(name, help, [{ labels: host, value }]);
  const answers = (name: string, counts: (code: string) => boolean) =>
    counter(name, `Predictions answered over HTTP with such a status.`, [
      { labels: host, value: answered(total, counts) },
    ]);
  const perVersion = (name: string, help: string, value: (numbers: Float64Array) => number) =>
    counter(
      name,
      help,
      versions.map((counters) => ({
        labels: { model_name: counters.name, model_version: counters.version, hostname: Hostname },
        value: value(counters.numbers),
      })),
    );
  const meanMs = (name: string, help: string, at: number) =>
    gauge(
      name,
      help,
      models.map(({ name: ModelName, numbers }) => ({
        labels: { ModelName, Level: 'Model', Hostname },
        value: numbers[at]! / Math.max(1, numbers[AT.ranRequests]!),
      })),
    );
  const free = freemem();
  const all = totalmem();
  const disk = diskFigures();
  return [
    answers('Requests2XX', (code) => code === 'OK'),
    answers('Requests4XX', (code) => CLIENT_ERRORS.has(code)),
    answers('Requests5XX', (code) => code !== 'OK' && !CLIENT_ERRORS.has(code)),
    perVersion(
      'ts_inference_requests_total',
      'Predictions asked of the model.',
      (numbers) => numbers[AT.succeeded]! + numbers[AT.failed]!,
    ),
    perVersion(
      'ts_inference_latency_microseconds',
      'Sum over the predictions that succeeded.',
      (numbers) => numbers[AT.succeededMs]! * 1000,
    ),
    perVersion(
      'ts_queue_latency_microseconds',
      'Sum over the predictions that ran.',
      (numbers) => numbers[AT.queuedMs]! * 1000,
    ),
    ofHost(
      'QueueTime',
      'Milliseconds in the queue: the mean.',
      total.numbers[AT.queuedMs]! / Math.max(1, total.numbers[AT.ranRequests]!),
    ),
    meanMs('HandlerTime', 'Milliseconds in the engine: the mean.', AT.computedMs),
    meanMs('PredictionTime', 'Milliseconds in the engine: the mean.', AT.computedMs),
    ofHost('MemoryUsed', 'Megabytes.', (all - free) / MEGABYTE),
    ofHost('MemoryAvailable', 'Megabytes.', free / MEGABYTE),
    ofHost('MemoryUtilization', 'Percent.', ((all - free) / all) * 100),
    ofHost('CPUUtilization', 'Percent, since the metrics were asked for last.', processorPercent()),
    ...(disk === undefined
      ? []
      : [
          ofHost('DiskUsage', 'Gigabytes, of the file system at the root.', disk.usedBytes / GIGABYTE),
          ofHost('DiskAvailable', 'Gigabytes, of the file system at the root.', disk.freeBytes / GIGABYTE),
          ofHost('DiskUtilization', 'Percent, of the file system at the root.', disk.usedPercent),
        ]),
  ];
}

function answered({ numbers }: VersionCounters, counts: (code: string) => boolean): number {
  return CODES.reduce((sum, code, j) => sum + (counts(code) ? numbers[AT.answered + HTTP * CODES.length + j]! : 0), 0);
}
