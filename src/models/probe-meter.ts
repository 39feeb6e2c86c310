/** Runs for the probe: counts what they take, and knows beforehand what one will take. */
import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '../core/clock.ts';
import type { Tensor } from '../core/tensor.ts';
import type { RunCall, Runner } from '../runtime/runtime.ts';

export interface Cost {
  readonly rows: number;
  /** Median. */
  readonly runMs: number;
  readonly p99Ms: number;
}

/** Runs after which the median of a size is known well enough, and the 99th percentile of the largest. */
const RUNS = 12;
const RUNS_OF_LARGEST = 120;
const QUIET_ROUNDS = 3;
/** The share of a core that a gentle probe takes is one in so many. */
const GENTLE_STRETCH = 3;
/** Timers have no shorter rests. */
const REST_FROM_MS = 2;
/** What a thorough probe runs, roughly. */
const THOROUGH = 200;

export class Meter {
  readonly #runner: Runner;
  readonly #budgetMs: number;
  /** How many times as long as its runs the probe takes. */
  readonly #stretch: number;
  #owedMs = 0;
  readonly #endsAt: number;
  readonly #times = new Map<number, number[]>();

  /** @param gentle rests between runs, so that what is served meanwhile has the processor */
  constructor(runner: Runner, budgetMs: number, gentle = false) {
    this.#runner = runner;
    this.#budgetMs = budgetMs;
    this.#stretch = gentle ? GENTLE_STRETCH : 1;
    this.#endsAt = systemClock.now() + budgetMs * this.#stretch;
  }

  /** A first run, which is not counted, and a second one unless the model is very slow. */
  async warm(tensors: readonly Tensor[], call: RunCall): Promise<void> {
    const { rows } = call;
    const { computeMs } = await this.#runner.run([tensors], call);
    if (computeMs > this.#budgetMs / 4) this.#count(rows, computeMs);
    else this.#count(rows, (await this.#runner.run([tensors], call)).computeMs);
  }

  async run(tensors: readonly Tensor[], rows: number): Promise<readonly Tensor[]> {
    const { outputs, computeMs } = await this.#runner.run([tensors], { rows });
    this.#count(rows, computeMs);
    await this.#rest(computeMs);
    return outputs;
  }

  /** Runs a size until its cost is known, or the time is up. */
  async measure(rows: number, tensors: readonly Tensor[], isLargest = true): Promise<void> {
    const runs = isLargest ? RUNS_OF_LARGEST : RUNS;
    while ((this.#times.get(rows)?.length ?? 0) < runs) {
      if (this.#times.has(rows) && !this.affords(rows)) return;
      await this.run(tensors, rows);
    }
  }

  /**
   * Measures a size again while only its slowest runs are over the limit: on a busy machine these tell of
   * the neighbours and not of the model.
   */
  async measureQuiet(rows: number, tensors: readonly Tensor[], limitMs: number): Promise<void> {
    for (let again = 0; again < QUIET_ROUNDS; again += 1) {
      const { runMs, p99Ms } = this.costs().find((cost) => cost.rows === rows)!;
      if (p99Ms < limitMs || runMs >= limitMs) return;
      this.#times.delete(rows);
      await this.measure(rows, tensors);
    }
  }

  /** Too slow for a thorough probe. */
  get isSlow(): boolean {
    return this.#expectedMs(1) * THOROUGH > this.#budgetMs;
  }

  /** Whether another run of this size fits into the first `share` of the budget. */
  affords(rows: number, share = 1): boolean {
    const left = this.#endsAt - systemClock.now();
    return this.#expectedMs(rows) <= left / this.#stretch - (1 - share) * this.#budgetMs;
  }

  /** Ascending by rows. */
  costs(): readonly Cost[] {
    return [...this.#times]
      .map(([rows, times]) => {
        const sorted = times.toSorted((a, b) => a - b);
        return { rows, runMs: sorted[sorted.length >> 1]!, p99Ms: sorted[Math.ceil(sorted.length * 0.99) - 1]! };
      })
      .sort((a, b) => a.rows - b.rows);
  }

  async #rest(ranMs: number): Promise<void> {
    if (this.#stretch === 1) return;
    this.#owedMs += ranMs;
    if (this.#owedMs < REST_FROM_MS) return;
    await sleep(this.#owedMs * (this.#stretch - 1));
    this.#owedMs = 0;
  }

  #count(rows: number, ms: number): void {
    const times = this.#times.get(rows);
    if (times === undefined) this.#times.set(rows, [ms]);
    else times.push(ms);
  }

  /** At worst proportional to the nearest size that was run; a smaller size may cost as much as that one. */
  #expectedMs(rows: number): number {
    let nearest: Cost | undefined;
    for (const cost of this.costs()) if (nearest === undefined || cost.rows <= rows) nearest = cost;
    return nearest === undefined ? 0 : nearest.runMs * Math.max(1, rows / nearest.rows);
  }
}
