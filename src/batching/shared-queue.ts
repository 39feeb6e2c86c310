/**
 * The bound of a version's queue, shared by all front ends.
 *
 * Each front end queues its own requests, but the limit is the server's: a counter in shared memory is
 * the only thing about a queue that the threads have in common.
 */
export class SharedQueue {
  readonly #counters: Int32Array;

  constructor(counters: SharedArrayBuffer) {
    this.#counters = new Int32Array(counters);
  }

  static createCounters(): SharedArrayBuffer {
    return new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
  }

  get queuedRows(): number {
    return Atomics.load(this.#counters, 0);
  }

  /**
   * Takes places for `rows`, or none. A request larger than the whole bound is let in when nothing waits:
   * otherwise it could never be answered.
   */
  tryEnter(rows: number, maxRows: number): boolean {
    const before = Atomics.add(this.#counters, 0, rows);
    if (before + rows <= maxRows || before <= 0) return true;
    Atomics.sub(this.#counters, 0, rows);
    return false;
  }

  leave(rows: number): void {
    Atomics.sub(this.#counters, 0, rows);
  }
}
