/**
 * One answer that goes on: it is written piece by piece, as fast as the client takes it.
 *
 * Nothing of it is unbounded. A stream holds what its client has not taken yet, and a client that does not take it
 * in time is cut off.
 */
import type { ServerResponse } from 'node:http';
import { systemClock, type Clock } from '../core/clock.ts';

/** A client that has taken nothing for so long is gone, or as good as gone. */
const STALLED_AFTER_MS = 15_000;

export class AnswerStream {
  readonly #response: ServerResponse;
  readonly #ended = Promise.withResolvers<void>();
  readonly #clock: Clock;
  #isOpen = true;

  /** @param headers names and values in turn */
  constructor(response: ServerResponse, contentType: string, headers: readonly string[], clock: Clock = systemClock) {
    this.#response = response;
    this.#clock = clock;
    response.writeHead(200, ['content-type', contentType, 'cache-control', 'no-store', ...headers]);
    response.flushHeaders();
    response.once('close', () => this.#settle());
  }

  /** False once the client has gone or the stream was ended. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Resolves when the stream is no longer open. */
  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  end(): void {
    if (!this.#isOpen) return;
    this.#settle();
    this.#response.end();
  }

  /** Ends the connection within the answer, so that no client takes what it has for all of it. */
  cut(lastWords: string | Uint8Array = ''): void {
    if (!this.#isOpen) return;
    this.#settle();
    // A client that takes nothing would keep it open.
    const stall = this.#clock.after(STALLED_AFTER_MS, () => this.#response.destroy());
    this.#response.once('close', () => stall[Symbol.dispose]());
    this.#response.write(lastWords, () => this.#response.destroy());
  }

  /** Ends the answer with words that no client takes for a part of it. */
  endWith(lastWords: string | Uint8Array): void {
    if (!this.#isOpen) return;
    this.#settle();
    this.#response.end(lastWords);
  }

  /** Resolves when the client has taken enough for more, or the stream is no longer open. */
  async write(piece: string | Uint8Array): Promise<void> {
    if (!this.#isOpen || piece.length === 0 || this.#response.write(piece)) return;
    using _stall = this.#clock.after(STALLED_AFTER_MS, () => this.#response.destroy());
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#response.once('drain', resolve);
    await Promise.race([promise, this.#ended.promise]);
    this.#response.off('drain', resolve);
  }

  #settle(): void {
    this.#isOpen = false;
    this.#ended.resolve();
  }
}
