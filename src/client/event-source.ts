/**
 * Server-sent events over `fetch`, which takes a key in a header where the browser's own `EventSource` does not.
 *
 * A connection that is lost is opened again where it broke off, by the id of the last event.
 */
import { ServeryError } from '../core/errors.ts';
import type { Connection } from './connection.ts';
import { textOf } from './read-text.ts';
import { retryDelayMs } from './retry.ts';

export interface SentEvent {
  readonly id: string;
  readonly event: string;
  readonly data: string;
}

export interface EventsOptions {
  readonly signal?: AbortSignal | undefined;
  readonly lastEventId?: string | undefined;
}

/**
 * Events until the signal aborts or the reader stops reading.
 *
 * @throws {ServeryError} what the server refused, or `SERVER_NOT_RUNNING` after as many tries as the client makes
 */
export async function* readEvents(
  connection: Connection,
  path: string,
  { signal, lastEventId = '' }: EventsOptions,
): AsyncGenerator<SentEvent, void, void> {
  let last = lastEventId;
  let failures = 0;
  while (!isAborted(signal)) {
    const ended = new AbortController();
    try {
      const headers = { accept: 'text/event-stream', ...(last !== '' && { 'last-event-id': last }) };
      const both = signal === undefined ? ended.signal : AbortSignal.any([signal, ended.signal]);
      const response = await connection.open(path, { headers, signal: both });
      for await (const event of parseEvents(response.body!)) {
        failures = 0;
        if (event.id !== '') last = event.id;
        yield event;
      }
    } catch (error) {
      if (isAborted(signal)) return;
      // A refusal in words is final, but for the ones that pass by themselves; a broken connection is not.
      failures += 1;
      if (failures >= connection.attempts || (error instanceof ServeryError && !isPassing(error))) throw error;
    } finally {
      ended.abort(); // also when the reader has stopped reading
    }
    await pause(retryDelayMs(Math.max(1, failures), undefined, Math.random()), signal);
  }
}

function isAborted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true;
}

function isPassing({ code, retryable }: ServeryError): boolean {
  return retryable || code === 'SERVER_NOT_RUNNING';
}

/** The parts of a stream of events, as the HTML standard has them. A last part that is not whole is dropped. */
export async function* parseEvents(body: ReadableStream<Uint8Array>): AsyncGenerator<SentEvent, void, void> {
  let rest = '';
  let fields: Record<'id' | 'event', string> = { id: '', event: 'message' };
  let data: string[] = [];
  for await (const text of textOf(body)) {
    // A break of two bytes may come in two parts.
    const lines = (rest + text).split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop() ?? '';
    for (const line of lines) {
      if (line === '') {
        if (data.length > 0) yield { ...fields, data: data.join('\n') };
        [fields, data] = [{ id: '', event: 'message' }, []];
        continue;
      }
      const colon = line.indexOf(':');
      const name = colon === -1 ? line : line.slice(0, colon);
      const value = colon === -1 ? '' : line.slice(colon + 1).replace(/^ /, '');
      if (name === 'data') data.push(value);
      else if (name === 'id' || name === 'event') fields[name] = value;
    }
  }
}

/** Resolves early when the signal aborts. */
export function pause(delayMs: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, delayMs);
    if (signal?.aborted === true) end();
    else signal?.addEventListener('abort', end, { once: true });
  });
}
