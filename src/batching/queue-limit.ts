/**
 * How many rows may wait.
 *
 * A burst may fill the whole bound: it will be answered, and its last request is late rather than refused. An overload
 * that lasts would keep the queue full instead, and everybody would wait as long as that takes, for nothing: no more is
 * answered than from a short queue. So once something had to be refused, and for as long as that goes on, no more
 * may wait than is computed within the latency budget.
 */
import type { Clock } from '../core/clock.ts';
import type { BatchingOptions } from './options.ts';

/** Without refusals for so long, an overload is over. */
const CALM_MS = 1000;

export class QueueLimit {
  readonly #options: BatchingOptions;
  readonly #estimate: (rows: number) => number;
  readonly #concurrency: () => number;
  readonly #clock: Clock;
  #overloadedUntil = -Infinity;

  /**
   * @param estimate expected milliseconds of a run by rows
   * @param concurrency runs that may be under way at once
   */
  constructor(options: BatchingOptions, estimate: (rows: number) => number, concurrency: () => number, clock: Clock) {
    this.#options = options;
    this.#estimate = estimate;
    this.#concurrency = concurrency;
    this.#clock = clock;
  }

  get rows(): number {
    const { maxQueuedRows } = this.#options;
    return this.#clock.now() < this.#overloadedUntil ? Math.min(maxQueuedRows, this.#rowsInBudget()) : maxQueuedRows;
  }

  /** Something had to be refused. */
  refused(): void {
    this.#overloadedUntil = this.#clock.now() + CALM_MS;
  }

  /** At least one batch for each run: a runner that becomes free must find something. */
  #rowsInBudget(): number {
    const { maxRows, latencyBudgetMs } = this.#options;
    let batch = maxRows;
    while (batch > 1 && this.#estimate(batch) > latencyBudgetMs) batch = Math.ceil(batch / 2);
    const batches = Math.max(1, Math.floor(latencyBudgetMs / this.#estimate(batch)));
    return batch * batches * this.#concurrency();
  }
}
