/**
 * Answers requests whose time is over.
 *
 * One timer for all of them, at the earliest deadline: a timer for each request would cost more than the request.
 */
import type { Clock } from '../core/clock.ts';
import { ServeryError } from '../core/errors.ts';
import type { Waiting } from './batch-run.ts';

export class Deadlines implements Disposable {
  readonly #clock: Clock;
  readonly #giveUp: (waiting: Waiting, reason: ServeryError) => void;
  /** Everything without an answer that has a deadline, waiting or running. */
  readonly #timed = new Set<Waiting>();
  #next: { readonly at: number; readonly timer: Disposable } | undefined;

  /** @param giveUp answers a request, and removes it here */
  constructor(clock: Clock, giveUp: (waiting: Waiting, reason: ServeryError) => void) {
    this.#clock = clock;
    this.#giveUp = giveUp;
  }

  watch(waiting: Waiting): void {
    if (waiting.deadline === Infinity && waiting.queueDeadline === Infinity) return;
    this.#timed.add(waiting);
    this.#expireAt(Math.min(waiting.deadline, waiting.queueDeadline));
  }

  forget(waiting: Waiting): void {
    if (this.#timed.size > 0) this.#timed.delete(waiting);
  }

  [Symbol.dispose](): void {
    this.#next?.timer[Symbol.dispose]();
  }

  #expireAt(at: number): void {
    if (this.#next !== undefined && this.#next.at <= at) return;
    this.#next?.timer[Symbol.dispose]();
    const timer = this.#clock.after(Math.max(0, at - this.#clock.now()), () => this.#expire());
    this.#next = { at, timer };
  }

  #expire(): void {
    this.#next = undefined;
    const now = this.#clock.now();
    let next = Infinity;
    for (const waiting of this.#timed) {
      const at = waiting.run !== undefined ? waiting.deadline : Math.min(waiting.deadline, waiting.queueDeadline);
      if (at > now) {
        next = Math.min(next, at);
        continue;
      }
      const where = waiting.run !== undefined ? 'while the model was running' : 'while it waited in the queue';
      this.#giveUp(waiting, new ServeryError('DEADLINE_EXCEEDED', `Request timeout expired ${where}`));
    }
    if (next !== Infinity) this.#expireAt(next);
  }
}
