/** The counters as the statistics that a door reports for each version. */
import type { ModelVersion } from '../core/model.ts';
import type { CollectorState } from './collector.ts';
import { AT, CODES, REASONS, type VersionCounters } from './counters.ts';

/** Counters since the version was loaded. Times in milliseconds. */
export interface VersionStatistics {
  readonly model: ModelVersion;
  /** When the last request was answered, epoch ms; 0 when none was. */
  readonly lastInferenceMs: number;
  /** Rows computed for requests, and runs. */
  readonly rows: number;
  readonly runs: number;
  readonly success: CountAndTime;
  readonly fail: CountAndTime;
  readonly queue: CountAndTime;
  /** Stacking, the way to the engine and back; what comes after the run is in here too. */
  readonly computeInput: CountAndTime;
  readonly computeInfer: CountAndTime;
  readonly computeOutput: CountAndTime;
  /** Runs by size (rows, padding included), ascending. */
  readonly batches: readonly { readonly rows: number; readonly count: number; readonly runMs: number }[];
  /** Runs by why they were sent. */
  readonly dispatch: Readonly<Record<string, number>>;
  /** Requests refused, by code. */
  readonly rejected: Readonly<Record<string, number>>;
}

interface CountAndTime {
  readonly count: number;
  readonly ms: number;
}

/** Of every version that is named: those without an event have zeros. */
export function toStatistics(state: CollectorState, versions: Iterable<ModelVersion>): readonly VersionStatistics[] {
  const known = new Map(state.versions.map((counters) => [`${counters.name}/${counters.version}`, counters]));
  return Array.from(versions, ({ name, version }) => statisticsOf({ name, version }, known.get(`${name}/${version}`)));
}

function statisticsOf(model: ModelVersion, counters: VersionCounters | undefined): VersionStatistics {
  const number = (at: number) => counters?.numbers[at] ?? 0;
  const requests = number(AT.ranRequests);
  return {
    model,
    lastInferenceMs: Math.floor(counters?.lastAnswerMs ?? 0),
    rows: number(AT.rows),
    runs: number(AT.runs),
    success: { count: number(AT.succeeded), ms: number(AT.succeededMs) },
    fail: { count: number(AT.failed), ms: number(AT.failedMs) },
    queue: { count: requests, ms: number(AT.queuedMs) },
    computeInput: { count: requests, ms: number(AT.handedOverMs) },
    computeInfer: { count: requests, ms: number(AT.computedMs) },
    computeOutput: { count: requests, ms: 0 },
    batches: [...(counters?.sizes.values() ?? [])].sort((a, b) => a.rows - b.rows),
    dispatch: Object.fromEntries(REASONS.map((reason, i) => [reason, number(AT.dispatched + i)])),
    rejected: Object.fromEntries(
      CODES.map((code, i) => [code, number(AT.rejected + i)] as const).filter(([, count]) => count > 0),
    ),
  };
}
