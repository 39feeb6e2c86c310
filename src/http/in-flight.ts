/**
 * The requests that have no answer yet.
 *
 * Slots, because a Set or a linked list of short-lived objects keeps their dead neighbours alive until the next
 * full collection: measured, a tenth of the requests per second and a p99 of 13 ms.
 */
import type { Exchange } from './exchange.ts';

export class InFlight {
  readonly #slots: (Exchange | undefined)[] = [];
  readonly #free: number[] = [];
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** @returns the slot, for `remove` */
  add(exchange: Exchange): number {
    this.#count += 1;
    const slot = this.#free.pop() ?? this.#slots.length;
    this.#slots[slot] = exchange;
    return slot;
  }

  remove(slot: number): void {
    this.#count -= 1;
    this.#slots[slot] = undefined;
    this.#free.push(slot);
  }

  *[Symbol.iterator](): Generator<Exchange> {
    for (const exchange of this.#slots) if (exchange !== undefined) yield exchange;
  }
}
