/**
 * What a door has taken and not answered yet: requests of HTTP, calls of gRPC.
 *
 * Slots, because a Set or a linked list of short-lived objects keeps their dead neighbours alive until the next
 * full collection: measured, a tenth of the requests per second and a p99 of 13 ms.
 */
import type { Clock } from '../core/clock.ts';
import type { ServeryError } from '../core/errors.ts';

export interface Unanswered {
  fail(reason: ServeryError): void;
}

export class InFlight<T extends Unanswered> {
  readonly #slots: (T | undefined)[] = [];
  readonly #free: number[] = [];
  #count = 0;
  #onIdle = (): void => {};

  get count(): number {
    return this.#count;
  }

  /** @returns the slot, for `remove` */
  add(one: T): number {
    this.#count += 1;
    const slot = this.#free.pop() ?? this.#slots.length;
    this.#slots[slot] = one;
    return slot;
  }

  remove(slot: number): void {
    this.#count -= 1;
    this.#slots[slot] = undefined;
    this.#free.push(slot);
    if (this.#count === 0) this.#onIdle();
  }

  /**
   * Resolves when everything has its answer. What has none after `graceMs` is failed.
   *
   * @returns how many these were
   */
  async end(graceMs: number, clock: Clock, reason: () => ServeryError): Promise<number> {
    if (this.#count === 0) return 0;
    let unanswered = 0;
    const idle = Promise.withResolvers<void>();
    this.#onIdle = idle.resolve;
    using _grace = clock.after(graceMs, () => {
      unanswered = this.#count;
      for (const one of this) one.fail(reason());
      // Whoever does not take an answer now has had the whole grace time.
      setImmediate(idle.resolve);
    });
    await idle.promise;
    return unanswered;
  }

  *[Symbol.iterator](): Generator<T> {
    for (const one of this.#slots) if (one !== undefined) yield one;
  }
}
