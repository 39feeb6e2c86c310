/**
 * Reads one request body into memory, within limits.
 *
 * Nearly every body is one chunk and is used as it came. A body with binary tensors is read into shared
 * memory, placed so that the first tensor is aligned: from there an executor thread can read it, and it is
 * never copied again.
 */
import type { IncomingMessage } from 'node:http';
import { ServeryError } from '../core/errors.ts';
import type { ByteBudget } from '../listening/byte-budget.ts';

const EMPTY = new Uint8Array(0);
/** Below this, a copy is cheaper than shared memory. */
const SHARED_FROM_BYTES = 65_536;
/** Any element of a tensor fits this alignment. */
const ALIGNMENT = 8;

export class BodyReader {
  readonly #request: IncomingMessage;
  readonly #maxBytes: number;
  readonly #budget: ByteBudget;
  readonly #body = Promise.withResolvers<Uint8Array>();
  #first: Buffer | undefined;
  #chunks: Buffer[] | undefined;
  #target: Uint8Array | undefined;
  #bytes = 0;
  #isDiscarding = false;
  #heldBytes = 0;
  #isReleased = false;

  constructor(request: IncomingMessage, maxBytes: number, budget: ByteBudget) {
    this.#request = request;
    this.#maxBytes = maxBytes;
    this.#budget = budget;
  }

  /**
   * @param jsonBytes bytes of JSON in front of binary tensors, if there are any
   * @throws {ServeryError} `PAYLOAD_TOO_LARGE`, before anything is read when the length is declared; `QUEUE_FULL`
   */
  read(jsonBytes: number | undefined): Promise<Uint8Array> {
    const request = this.#request;
    const declared = request.headers['content-length'];
    if (declared !== undefined) {
      const length = Number(declared);
      if (length > this.#maxBytes) throw tooLarge(`has ${length} bytes`, this.#maxBytes);
      if (jsonBytes !== undefined && length >= SHARED_FROM_BYTES) {
        this.hold(length);
        this.#target = sharedBytes(length, jsonBytes);
      }
    }
    request.on('data', (chunk: Buffer) => this.#add(chunk));
    request.on('end', () => this.#finish());
    return this.#body.promise;
  }

  /** Lets the rest of the body pass unread: the answer is already known. */
  discard(): void {
    this.#isDiscarding = true;
    this.#first = this.#chunks = this.#target = undefined;
  }

  /**
   * Counts what is in memory now, until `release`.
   *
   * @throws {ServeryError} `QUEUE_FULL` when all bodies together are too many
   */
  hold(bytes: number): void {
    if (this.#isReleased || bytes <= this.#heldBytes) return;
    this.#budget.change(this.#heldBytes, bytes);
    this.#heldBytes = bytes;
  }

  /** Nobody needs the body any more. */
  release(): void {
    this.#isReleased = true;
    if (this.#heldBytes > 0) this.#budget.change(this.#heldBytes, 0);
    this.#heldBytes = 0;
  }

  /** A body that is whole with its first chunk is used at once and needs no counting. */
  #isRefused(length: number): boolean {
    if (this.#bytes === length && this.#request.headers['content-length'] === String(length)) return false;
    try {
      this.hold(this.#bytes);
      return false;
    } catch (error) {
      this.#refuse(error);
      return true;
    }
  }

  #refuse(reason: unknown): void {
    this.discard();
    this.#body.reject(reason);
  }

  #add(chunk: Buffer): void {
    if (this.#isDiscarding) return;
    const at = this.#bytes;
    this.#bytes += chunk.length;
    if (this.#bytes > this.#maxBytes) this.#refuse(tooLarge('goes on', this.#maxBytes));
    else if (this.#isRefused(chunk.length)) return;
    else if (this.#target !== undefined) this.#target.set(chunk, at);
    else if (this.#chunks !== undefined) this.#chunks.push(chunk);
    else if (this.#first !== undefined) this.#chunks = [this.#first, chunk];
    else this.#first = chunk;
  }

  #finish(): void {
    if (this.#isDiscarding) return;
    if (this.#chunks === undefined) this.#body.resolve(this.#target ?? this.#first ?? EMPTY);
    else this.#body.resolve(Buffer.concat(this.#chunks, this.#bytes));
  }
}

function sharedBytes(length: number, jsonBytes: number): Uint8Array {
  const padding = (ALIGNMENT - (jsonBytes % ALIGNMENT)) % ALIGNMENT;
  return new Uint8Array(new SharedArrayBuffer(padding + length), padding, length);
}

function tooLarge(problem: string, maxBytes: number): ServeryError {
  return new ServeryError(
    'PAYLOAD_TOO_LARGE',
    `Cannot take the body: it ${problem}, the limit \`http.maxBodyBytes\` is ${maxBytes} bytes`,
  );
}
