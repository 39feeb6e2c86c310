/**
 * The counters and the state of the server in the Prometheus text format, made when somebody scrapes.
 *
 * prom-client formats them and adds the metrics of the process. Its own counters would look labels up
 * for each event, in each thread; so what it prints is filled in here from the sums.
 */
import type { Metric, Registry } from 'prom-client';
import type { VersionState } from '../core/events.ts';
import type { ModelVersion } from '../core/model.ts';
import type { CollectorState } from './collector.ts';
import { aliasMetrics } from './aliases.ts';
import { AT, CODES, DOORS, histogramOf, REASONS, RESTART_CAUSES, STAGES } from './counters.ts';
import { OUR_BOUNDS } from './latency-bounds.ts';
import type { MetricAlias } from './options.ts';
import { BATCH_BOUNDS, batchSamples, counter, gauge, latencySamples, type PrintedMetric } from './printed-metric.ts';

/** What is so at the moment of the scrape. */
export interface ServerGauges {
  /** Of Servery itself. */
  readonly version: string;
  /** Whether everything that should be live is live and warm. */
  readonly ready: boolean;
  readonly frontEnds: number;
  /** Every known version, live or not. */
  readonly versions: readonly VersionGauges[];
}

export interface VersionGauges {
  readonly model: ModelVersion;
  readonly state: VersionState;
  /** Rows that wait, over all front ends. */
  readonly queuedRows: number;
  /** Executors whose run was abandoned and has not come back. */
  readonly stuckExecutors: number;
  /** How long it took to load and to warm up; undefined when it is not loaded. */
  readonly loadMs: number | undefined;
}

const STATES: readonly VersionState[] = ['loading', 'ready', 'stuck', 'failed', 'unloading', 'unloaded'];

/** @param aliases systems under whose names the figures are printed as well */
export async function renderMetrics(
  state: CollectorState,
  gauges: ServerGauges,
  aliases: readonly MetricAlias[] = [],
): Promise<string> {
  const { Registry } = await import('prom-client');
  const registry = new Registry();
  for (const metric of [...gaugeMetrics(gauges), ...counterMetrics(state), ...aliasMetrics(aliases, state, gauges)]) {
    // The registry asks for no more than these fields, whatever its types say.
    registry.registerMetric({ ...metric, get: () => Promise.resolve(metric) } as unknown as Metric);
  }
  const texts = await Promise.all([registry.metrics(), processRegistry().then((process) => process.metrics())]);
  return texts.join('\n');
}

function gaugeMetrics({ version, ready, frontEnds, versions }: ServerGauges): PrintedMetric[] {
  const perVersion = (value: (version: VersionGauges) => number) =>
    versions.map((entry) => ({ labels: labelsOf(entry.model), value: value(entry) }));
  return [
    gauge('servery_build_info', 'What is running; always 1.', [
      { labels: { version, node: process.version }, value: 1 },
    ]),
    gauge('servery_ready', 'Whether all that should be live is live and warm.', [{ labels: {}, value: ready ? 1 : 0 }]),
    gauge('servery_front_ends', 'Threads that answer requests.', [{ labels: {}, value: frontEnds }]),
    gauge(
      'servery_version_state',
      'Which state a version is in: 1 for that state, 0 for the others.',
      versions.flatMap((entry) =>
        STATES.map((state) => ({ labels: { ...labelsOf(entry.model), state }, value: entry.state === state ? 1 : 0 })),
      ),
    ),
    gauge(
      'servery_queued_rows',
      'Rows that wait.',
      perVersion(({ queuedRows }) => queuedRows),
    ),
    gauge(
      'servery_stuck_executors',
      'Executors whose run was given up at its deadline and has not ended.',
      perVersion(({ stuckExecutors }) => stuckExecutors),
    ),
  ];
}

function counterMetrics({ versions }: CollectorState): PrintedMetric[] {
  const one = (at: number) =>
    versions.map((counters) => ({ labels: labelsOf(counters), value: counters.numbers[at]! }));
  const labelled = (at: number, label: string, values: readonly string[]) =>
    versions.flatMap((counters) =>
      values.map((value, i) => ({
        labels: { ...labelsOf(counters), [label]: value },
        value: counters.numbers[at + i]!,
      })),
    );
  return [
    counter(
      'servery_requests_total',
      'Predictions answered, by door and code (OK or that of the error); no model when it was not found.',
      versions
        .flatMap((counters) =>
          DOORS.flatMap((door, i) =>
            CODES.map((code, j) => ({
              labels: { ...labelsOf(counters), door, code },
              value: counters.numbers[AT.answered + i * CODES.length + j]!,
            })),
          ),
        )
        .filter(({ value }) => value > 0),
    ),
    {
      name: 'servery_request_duration_seconds',
      help: 'Time of a request by stage: in the queue (mean of its batch), in the engine, and in total.',
      type: 'histogram',
      values: versions.flatMap((counters) =>
        STAGES.flatMap((stage) => {
          const labels = { ...labelsOf(counters), stage };
          const histogram = histogramOf(counters.numbers, stage);
          return latencySamples('servery_request_duration_seconds', labels, histogram, OUR_BOUNDS, 1 / 1000);
        }),
      ),
    },
    {
      name: 'servery_batch_rows',
      help: 'Rows of a run, padding included.',
      type: 'histogram',
      values: versions.flatMap((counters) =>
        batchSamples('servery_batch_rows', labelsOf(counters), counters, BATCH_BOUNDS),
      ),
    },
    counter(
      'servery_dispatches_total',
      'Runs, by why they began when they did.',
      labelled(AT.dispatched, 'reason', REASONS),
    ),
    counter('servery_failed_runs_total', 'Runs that failed.', one(AT.failedRuns)),
    counter('servery_rows_total', 'Rows computed for requests.', one(AT.rows)),
    counter(
      'servery_padded_rows_total',
      'Rows added so that answers do not depend on their neighbours.',
      one(AT.paddedRows),
    ),
    counter(
      'servery_rejections_total',
      'Requests refused or dropped before they ran, by reason.',
      labelled(AT.rejected, 'reason', CODES).filter(({ value }) => value > 0),
    ),
    counter(
      'servery_handler_restarts_total',
      'Handler threads that were replaced, by cause.',
      labelled(AT.restarted, 'cause', RESTART_CAUSES),
    ),
  ];
}

function labelsOf({ name, version }: ModelVersion): Record<string, string | number> {
  return { model: name, version: version === 0 ? '' : version };
}

/** Gauges whose names say they were counters. */
const MISNAMED = ['nodejs_active_handles_total', 'nodejs_active_requests_total', 'nodejs_active_resources_total'];

let ofProcess: Promise<Registry> | undefined;

/** One for the process and for good: its metrics start observers that cannot be stopped. */
function processRegistry(): Promise<Registry> {
  ofProcess ??= import('prom-client').then(({ collectDefaultMetrics, Registry }) => {
    const registry = new Registry();
    collectDefaultMetrics({ register: registry });
    for (const name of MISNAMED) registry.removeSingleMetric(name);
    return registry;
  });
  return ofProcess;
}
