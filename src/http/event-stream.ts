/**
 * Server-sent events: one answer that goes on.
 *
 * Nothing of it is unbounded. The door has so many streams at once and no more; a stream holds what its client has
 * not taken yet, and a client that does not take it in time is cut off: it can come back with `Last-Event-ID`.
 */
import type { ServerResponse } from 'node:http';
import { systemClock, type Clock } from '../core/clock.ts';
import { ServeryError } from '../core/errors.ts';

/** A client that has taken nothing for so long is gone, or as good as gone. */
const STALLED_AFTER_MS = 15_000;
/** Proxies close connections on which nothing comes. */
const KEEP_ALIVE_MS = 15_000;

export interface ServerEvent {
  readonly id?: number | string;
  readonly event?: string;
  /** Text of any number of lines. */
  readonly data: string;
}

export class EventStream {
  readonly #response: ServerResponse;
  readonly #ended = Promise.withResolvers<void>();
  readonly #clock: Clock;
  #isOpen = true;
  #lastSentMs: number;

  /** @param headers names and values in turn */
  constructor(response: ServerResponse, headers: readonly string[], clock: Clock = systemClock) {
    this.#response = response;
    this.#clock = clock;
    this.#lastSentMs = clock.now();
    response.writeHead(200, [
      'content-type',
      'text/event-stream; charset=utf-8',
      'cache-control',
      'no-store',
      ...headers,
    ]);
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

  /** Resolves when the client has taken enough for more, or the stream is no longer open. */
  async send(events: readonly ServerEvent[]): Promise<void> {
    if (events.length > 0) await this.#write(events.map(encodeEvent).join(''));
    else if (this.#clock.now() - this.#lastSentMs >= KEEP_ALIVE_MS) await this.#write(': nothing new\n\n');
  }

  end(): void {
    if (!this.#isOpen) return;
    this.#settle();
    this.#response.end();
  }

  async #write(text: string): Promise<void> {
    if (!this.#isOpen) return;
    this.#lastSentMs = this.#clock.now();
    if (this.#response.write(text)) return;
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

/** As the HTML standard has it: a line break within the data starts another `data` line. */
export function encodeEvent({ id, event, data }: ServerEvent): string {
  const head = `${id === undefined ? '' : `id: ${id}\n`}${event === undefined ? '' : `event: ${event}\n`}`;
  const lines = data.split(/\r\n|\r|\n/).map((line) => `data: ${line}\n`);
  return `${head}${lines.join('')}\n`;
}

/** Counts the streams of a door. */
export class StreamSlots {
  readonly #max: number;
  #used = 0;

  constructor(max: number) {
    this.#max = max;
  }

  /** @throws {ServeryError} `QUEUE_FULL` */
  take(): Disposable {
    if (this.#used >= this.#max) {
      throw new ServeryError('QUEUE_FULL', `Cannot open a stream: there are ${this.#max} already`, {
        hint: 'Close one, or raise `http.maxStreams`.',
        retryAfterMs: 5000,
      });
    }
    this.#used += 1;
    return { [Symbol.dispose]: () => void (this.#used -= 1) };
  }
}
