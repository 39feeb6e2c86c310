/**
 * The numbers that are kept for one model version, in one flat array.
 *
 * Flat, because then an event costs a few additions, a copy for another thread is one clone, and the sum
 * over threads is a loop. What is at which index is decided here and nowhere else.
 */
import { ERROR_CATALOG, type ErrorCode } from '../core/errors.ts';
import type { DispatchReason, HandlerRestarted, PredictionDone } from '../core/events.ts';
import { bucketOf, KEPT_BOUNDS_MS } from './latency-bounds.ts';

export const DOORS: readonly PredictionDone['door'][] = ['http', 'grpc', 'embedded'];
export const CODES: readonly (ErrorCode | 'OK')[] = ['OK', ...(Object.keys(ERROR_CATALOG) as ErrorCode[])];
export const REASONS: readonly DispatchReason[] = ['idle', 'full', 'deadline'];
export const RESTART_CAUSES: readonly HandlerRestarted['cause'][] = ['deadline', 'memory', 'exit'];
/** Where the time of a request goes: waiting, in the engine, and all of it. */
export const STAGES = ['queue', 'compute', 'total'] as const;
/** What only the names of other systems ask for: parts of a stage, and the time until a stream begins. */
const PARTS = ['handedOver', 'explained', 'httpOk', 'grpcOk', 'firstChunk'] as const;
export type Timed = (typeof STAGES)[number] | (typeof PARTS)[number];
const TIMED: readonly Timed[] = [...STAGES, ...PARTS];

const BUCKETS = KEPT_BOUNDS_MS.length + 1;
/** A histogram is its buckets (each for itself, not cumulative), then the sum in milliseconds. */
const HISTOGRAM = BUCKETS + 1;

/** Upper bounds of the buckets that count rows; one more bucket takes the rest. */
export const ROW_BOUNDS: readonly number[] = Array.from({ length: 15 }, (_, i) => 2 ** i);
const ROW_HISTOGRAM = ROW_BOUNDS.length + 2;
/** Rows of requests that were answered, and rows added to a run. */
const COUNTED = ['requestRows', 'padding'] as const;
export type Counted = (typeof COUNTED)[number];

export const AT = layOut({
  /** Answered requests, by door and code: `AT.answered + door * CODES.length + code`. */
  answered: DOORS.length * CODES.length,
  rejected: CODES.length,
  dispatched: REASONS.length,
  restarted: RESTART_CAUSES.length,
  /** One histogram for each of `TIMED`, then for each of `COUNTED`. */
  latency: TIMED.length * HISTOGRAM,
  rowCounts: COUNTED.length * ROW_HISTOGRAM,
  succeeded: 1,
  succeededMs: 1,
  failed: 1,
  failedMs: 1,
  runs: 1,
  failedRuns: 1,
  /** Requests in all runs, and the milliseconds they spent in each stage, a run's time once for each of them. */
  ranRequests: 1,
  queuedMs: 1,
  computedMs: 1,
  /** Stacking, the way to the engine and back. */
  handedOverMs: 1,
  /** Rows computed for requests in runs that succeeded; rows of all runs, padding included. */
  rows: 1,
  ranRows: 1,
  paddedRows: 1,
});

function layOut<Name extends string>(sizes: Record<Name, number>): Record<Name | 'end', number> {
  let end = 0;
  const offsets: Record<string, number> = {};
  for (const [name, size] of Object.entries<number>(sizes)) {
    offsets[name] = end;
    end += size;
  }
  return { ...offsets, end } as Record<Name | 'end', number>;
}

/** Runs that were equally large: `rows` with the padding. */
export interface SizeCount {
  readonly rows: number;
  count: number;
  runMs: number;
}

/** Can be cloned to another thread as it is. */
export interface VersionCounters {
  /** Empty with version 0: requests for models that could not be found. */
  readonly name: string;
  readonly version: number;
  readonly numbers: Float64Array;
  readonly sizes: Map<number, SizeCount>;
  /** Epoch milliseconds; 0 when no request has been answered. */
  lastAnswerMs: number;
}

export function createCounters(name: string, version: number): VersionCounters {
  return { name, version, numbers: new Float64Array(AT.end), sizes: new Map(), lastAnswerMs: 0 };
}

const START_OF = startsOf(TIMED, AT.latency, HISTOGRAM);
const ROWS_START_OF = startsOf(COUNTED, AT.rowCounts, ROW_HISTOGRAM);

/** Members of an object: every request looks up several. */
function startsOf<Name extends string>(names: readonly Name[], from: number, size: number): Record<Name, number> {
  return Object.fromEntries(names.map((name, i) => [name, from + i * size])) as Record<Name, number>;
}

/** Counts `times` requests that took `ms` each. */
export function observe(numbers: Float64Array, timed: Timed, ms: number, times: number): void {
  const start = START_OF[timed];
  numbers[start + bucketOf(ms)]! += times;
  numbers[start + BUCKETS]! += ms * times;
}

export function observeRows(numbers: Float64Array, counted: Counted, rows: number): void {
  const start = ROWS_START_OF[counted];
  const bucket = rows <= 1 ? 0 : Math.min(ROW_BOUNDS.length, Math.ceil(Math.log2(rows)));
  numbers[start + bucket]! += 1;
  numbers[start + ROW_BOUNDS.length + 1]! += rows;
}

/** The count of each bucket, each for itself, and the sum. */
export interface Histogram {
  readonly buckets: Float64Array;
  readonly sum: number;
}

/** In milliseconds. */
export function histogramOf(numbers: Float64Array, timed: Timed): Histogram {
  const start = START_OF[timed];
  return { buckets: numbers.subarray(start, start + BUCKETS), sum: numbers[start + BUCKETS]! };
}

export function rowHistogramOf(numbers: Float64Array, counted: Counted): Histogram {
  const start = ROWS_START_OF[counted];
  const end = start + ROW_BOUNDS.length + 1;
  return { buckets: numbers.subarray(start, end), sum: numbers[end]! };
}

/** Sizes up to here are told apart; above, a size counts as the next power of two, so that the map stays small. */
const EXACT_SIZES = 1024;

export function countSize(sizes: Map<number, SizeCount>, rows: number, count: number, runMs: number): void {
  const size = rows <= EXACT_SIZES ? rows : 2 ** Math.ceil(Math.log2(rows));
  const known = sizes.get(size);
  if (known === undefined) sizes.set(size, { rows: size, count, runMs });
  else {
    known.count += count;
    known.runMs += runMs;
  }
}

export function add(target: VersionCounters, { numbers, sizes, lastAnswerMs }: VersionCounters): void {
  for (let i = 0; i < numbers.length; i += 1) target.numbers[i]! += numbers[i]!;
  for (const { rows, count, runMs } of sizes.values()) countSize(target.sizes, rows, count, runMs);
  target.lastAnswerMs = Math.max(target.lastAnswerMs, lastAnswerMs);
}
