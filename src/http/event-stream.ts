/** Server-sent events: an answer that goes on until its client leaves or nothing more can come. A door has so many at once. */
import type { ServerResponse } from 'node:http';
import { systemClock, type Clock } from '../core/clock.ts';
import { ServeryError } from '../core/errors.ts';
import { AnswerStream } from './answer-stream.ts';

/** Proxies close connections on which nothing comes. */
const KEEP_ALIVE_MS = 15_000;

export interface ServerEvent {
  readonly id?: number | string;
  readonly event?: string;
  /** Text of any number of lines. */
  readonly data: string;
}

export class EventStream extends AnswerStream {
  readonly #clock: Clock;
  #lastSentMs: number;

  /** @param headers names and values in turn */
  constructor(response: ServerResponse, headers: readonly string[], clock: Clock = systemClock) {
    super(response, 'text/event-stream; charset=utf-8', headers, clock);
    this.#clock = clock;
    this.#lastSentMs = clock.now();
  }

  /** Resolves when the client has taken enough for more, or the stream is no longer open. */
  async send(events: readonly ServerEvent[]): Promise<void> {
    const text =
      events.length > 0
        ? events.map(encodeEvent).join('')
        : this.#clock.now() - this.#lastSentMs >= KEEP_ALIVE_MS
          ? ': nothing new\n\n'
          : '';
    if (text !== '') this.#lastSentMs = this.#clock.now();
    await this.write(text);
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
