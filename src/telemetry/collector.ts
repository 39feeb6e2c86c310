/**
 * Counts what one thread announces; the control thread sums the collectors of all threads.
 *
 * A request costs an event or two here, so a listener does a lookup by the identity of the model object
 * (which comes from the version's descriptor and is always the same) and a few additions.
 */
import { systemClock, type Clock } from '../core/clock.ts';
import {
  batchRun,
  firstChunk,
  handlerRestarted,
  predictionDone,
  rejection,
  type BatchRun,
  type PredictionDone,
} from '../core/events.ts';
import type { ModelVersion } from '../core/model.ts';
import {
  add,
  AT,
  CODES,
  countSize,
  createCounters,
  DOORS,
  observe,
  observeRows,
  REASONS,
  RESTART_CAUSES,
  type VersionCounters,
} from './counters.ts';

/** What a collector has counted. Can be cloned to another thread. */
export interface CollectorState {
  /** By name, then version. */
  readonly versions: readonly VersionCounters[];
}

export interface Collector extends Disposable {
  /** A copy: it does not change any more. */
  state(): CollectorState;
  /**
   * Drops the counters of every version that is not named, so that memory does not grow with each
   * reload. To be called when versions are released; what they still announce afterwards is lost.
   */
  retain(versions: Iterable<ModelVersion>): void;
}

const CODE_INDEX: ReadonlyMap<string, number> = new Map(CODES.map((code, i) => [code, i]));

export function createCollector({ clock = systemClock }: { readonly clock?: Clock } = {}): Collector {
  const kept = new Map<string, VersionCounters>();
  // Also knows dropped counters, so that the last words of a released version do not bring it back.
  const byIdentity = new WeakMap<ModelVersion, VersionCounters>();
  const unknown: ModelVersion = { name: '', version: 0 };

  function countersOf(model: ModelVersion): VersionCounters {
    const known = byIdentity.get(model);
    if (known !== undefined) return known;
    const key = keyOf(model);
    let counters = kept.get(key);
    if (counters === undefined) {
      counters = createCounters(model.name, model.version);
      kept.set(key, counters);
    }
    byIdentity.set(model, counters);
    return counters;
  }

  using subscriptions = new DisposableStack();
  subscriptions.use(batchRun.subscribe((run) => countRun(countersOf(run.model), run)));
  subscriptions.use(
    predictionDone.subscribe((done) => countAnswer(countersOf(done.model ?? unknown), done, clock.now())),
  );
  subscriptions.use(
    rejection.subscribe(
      ({ model, code }) => void (countersOf(model).numbers[AT.rejected + CODE_INDEX.get(code)!]! += 1),
    ),
  );
  subscriptions.use(
    handlerRestarted.subscribe(({ model, cause }) => {
      countersOf(model).numbers[AT.restarted + RESTART_CAUSES.indexOf(cause)]! += 1;
    }),
  );
  subscriptions.use(
    firstChunk.subscribe(({ model, afterMs }) => observe(countersOf(model).numbers, 'firstChunk', afterMs, 1)),
  );
  const listening = subscriptions.move();

  return {
    state: () => mergeStates([{ versions: [...kept.values()] }]),
    retain(versions) {
      const live = new Set(Array.from(versions, keyOf));
      for (const key of kept.keys()) if (!live.has(key) && key !== keyOf(unknown)) kept.delete(key);
    },
    [Symbol.dispose]: () => listening.dispose(),
  };
}

/** The sum, as a copy; versions in order. */
export function mergeStates(states: Iterable<CollectorState>): CollectorState {
  const sums = new Map<string, VersionCounters>();
  for (const { versions } of states) {
    for (const counters of versions) {
      let sum = sums.get(keyOf(counters));
      if (sum === undefined) {
        sum = createCounters(counters.name, counters.version);
        sums.set(keyOf(counters), sum);
      }
      add(sum, counters);
    }
  }
  const ordered = [...sums.values()].sort((a, b) => compare(a.name, b.name) || a.version - b.version);
  return { versions: ordered };
}

function countRun({ numbers, sizes }: VersionCounters, run: BatchRun): void {
  const { requests, rows, paddedRows, reason, queuedMs, runMs, computeMs, explains, failed } = run;
  numbers[AT.dispatched + REASONS.indexOf(reason)]! += 1;
  numbers[AT.runs]! += 1;
  if (failed) numbers[AT.failedRuns]! += 1;
  else numbers[AT.rows]! += rows;
  numbers[AT.ranRows]! += rows + paddedRows;
  numbers[AT.paddedRows]! += paddedRows;
  numbers[AT.ranRequests]! += requests;
  numbers[AT.queuedMs]! += queuedMs;
  numbers[AT.computedMs]! += computeMs * requests;
  const handedOverMs = Math.max(0, runMs - computeMs);
  numbers[AT.handedOverMs]! += handedOverMs * requests;
  // The requests of a batch waited differently long. Their sum is exact, and each counts in the bucket of the mean.
  if (requests > 0) observe(numbers, 'queue', queuedMs / requests, requests);
  observe(numbers, 'compute', computeMs, requests);
  if (explains) observe(numbers, 'explained', computeMs, requests);
  observe(numbers, 'handedOver', handedOverMs, requests);
  observeRows(numbers, 'padding', paddedRows);
  countSize(sizes, rows + paddedRows, 1, runMs);
}

function countAnswer(counters: VersionCounters, { door, code, rows, totalMs }: PredictionDone, now: number): void {
  const { numbers } = counters;
  numbers[AT.answered + DOORS.indexOf(door) * CODES.length + CODE_INDEX.get(code)!]! += 1;
  numbers[code === 'OK' ? AT.succeeded : AT.failed]! += 1;
  numbers[code === 'OK' ? AT.succeededMs : AT.failedMs]! += totalMs;
  observe(numbers, 'total', totalMs, 1);
  if (code === 'OK') {
    observeRows(numbers, 'requestRows', rows);
    if (door !== 'embedded') observe(numbers, door === 'http' ? 'httpOk' : 'grpcOk', totalMs, 1);
  }
  counters.lastAnswerMs = now;
}

function keyOf({ name, version }: ModelVersion): string {
  return `${name}/${version}`;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
