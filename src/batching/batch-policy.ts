/**
 * Decides which waiting requests become the next batch.
 *
 * Pure: the same queue always gives the same answer. It is asked only when the runner is free, and it
 * never says "wait": holding an idle runner back for company costs latency at low load, and at high load
 * company comes by itself while the runner is busy. Promises, timers and the model live in batcher.ts.
 */
import type { DispatchReason } from '../core/events.ts';

export interface WaitingRequest {
  readonly rows: number;
  /** Instant by which its answer must be there; Infinity for none. */
  readonly deadline: number;
}

export interface BatchLimits {
  readonly maxRows: number;
  readonly latencyBudgetMs: number;
}

export interface Decision {
  /** Run this many of the oldest requests, at least one. */
  readonly take: number;
  readonly rows: number;
  readonly reason: DispatchReason;
}

/**
 * @param waiting requests that can be stacked, oldest first, none of them past its deadline; at least one
 * @param estimateMs expected time of a run by rows; must not decrease with rows for the caps to be exact
 */
export function nextBatch(
  waiting: readonly WaitingRequest[],
  now: number,
  { maxRows, latencyBudgetMs }: BatchLimits,
  estimateMs: (rows: number) => number,
): Decision {
  let rows = waiting[0]!.rows;
  let finish = now + estimateMs(rows);
  // Earliest deadline among those taken that can still be met; the others are late in any batch.
  let earliest = waiting[0]!.deadline >= finish ? waiting[0]!.deadline : Infinity;
  for (let take = 1; take < waiting.length; take += 1) {
    const next = waiting[take]!;
    const grown = rows + next.rows;
    const expectedMs = estimateMs(grown);
    if (grown > maxRows || expectedMs > latencyBudgetMs) return { take, rows, reason: 'full' };
    // The newcomer's own deadline does not count: in the batch after this one it would be later still.
    if (now + expectedMs > earliest) return { take, rows, reason: 'deadline' };
    rows = grown;
    finish = now + expectedMs;
    if (next.deadline >= finish && next.deadline < earliest) earliest = next.deadline;
  }
  return { take: waiting.length, rows, reason: rows >= maxRows ? 'full' : 'idle' };
}
