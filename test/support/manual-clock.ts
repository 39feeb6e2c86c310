/** A clock that stands still until a test moves it: the one thing tests may fake. */
import type { Clock } from '../../src/core/clock.ts';

export class ManualClock implements Clock {
  #now = 1_000_000;
  readonly #timers = new Map<symbol, { readonly at: number; readonly callback: () => void }>();

  now(): number {
    return this.#now;
  }

  after(delayMs: number, callback: () => void): Disposable {
    const id = Symbol();
    this.#timers.set(id, { at: this.#now + delayMs, callback });
    return { [Symbol.dispose]: () => void this.#timers.delete(id) };
  }

  /** Moves time forward and fires what is due, in order. */
  advance(ms: number): void {
    const end = this.#now + ms;
    for (;;) {
      const due = Array.from(this.#timers)
        .filter(([, timer]) => timer.at <= end)
        .sort(([, a], [, b]) => a.at - b.at)[0];
      if (due === undefined) break;
      const [id, timer] = due;
      this.#timers.delete(id);
      this.#now = Math.max(this.#now, timer.at);
      timer.callback();
    }
    this.#now = end;
  }

  /** Moves the hands, as an operator or NTP does: no timer fires by it. */
  set(nowMs: number): void {
    this.#now = nowMs;
  }

  get pendingTimers(): number {
    return this.#timers.size;
  }
}
