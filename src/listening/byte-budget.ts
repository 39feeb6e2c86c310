/**
 * How many bytes of requests a door holds at once, counted over all connections and front-end threads: many
 * clients that each stay below the limit of one body must not fill the memory together.
 */
import { ServeryError } from '../core/errors.ts';

/** The counter has 32 bits, and a server may hold more bytes than that. */
const UNIT_BYTES = 1024;
const RETRY_AFTER_MS = 1000;

export class ByteBudget {
  readonly #counter: Int32Array;
  readonly #maxBytes: number;
  readonly #option: string;

  static createCounter(): SharedArrayBuffer {
    return new SharedArrayBuffer(4);
  }

  /**
   * @param counter shared by all front ends of a server
   * @param option where the limit is configured, for the message
   */
  constructor(counter: SharedArrayBuffer, maxBytes: number, option: string) {
    this.#counter = new Int32Array(counter);
    this.#maxBytes = maxBytes;
    this.#option = option;
  }

  /** Rounded up to whole units for each holder. */
  get heldBytes(): number {
    return Atomics.load(this.#counter, 0) * UNIT_BYTES;
  }

  /**
   * Changes what one holder has. Less is always possible.
   *
   * @throws {ServeryError} `QUEUE_FULL`, and nothing has changed, when all together would hold too much
   */
  change(fromBytes: number, toBytes: number): void {
    const units = Math.ceil(toBytes / UNIT_BYTES) - Math.ceil(fromBytes / UNIT_BYTES);
    if (units === 0) return;
    const held = Atomics.add(this.#counter, 0, units) + units;
    if (units < 0 || held * UNIT_BYTES <= this.#maxBytes) return;
    Atomics.sub(this.#counter, 0, units);
    const full = `requests hold ${(held - units) * UNIT_BYTES} of ${this.#maxBytes} bytes (${this.#option})`;
    throw new ServeryError('QUEUE_FULL', `Cannot take the request: ${full}`, {
      retryAfterMs: RETRY_AFTER_MS,
      hint: `Retry after the given delay, or raise \`${this.#option}\`.`,
    });
  }
}
