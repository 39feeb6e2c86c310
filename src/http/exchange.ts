/**
 * One request and its answer.
 *
 * It is answered exactly once, by whoever comes first: its route, its deadline, or the end of the server.
 * What comes later is dropped here, so nobody else has to ask.
 */
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { withListener, type CancelSignal } from '../core/cancel-signal.ts';
import { systemClock } from '../core/clock.ts';
import { ServeryError, type ErrorCode } from '../core/errors.ts';
import { predictionDone, requestDone } from '../core/events.ts';
import type { ModelVersion } from '../core/model.ts';
import type { ByteBudget } from '../listening/byte-budget.ts';
import { AnswerStream } from './answer-stream.ts';
import { BodyReader } from './body.ts';
import { chooseCoding, compress, COMPRESS_FROM_BYTES, isOnlyCoding } from './compression.ts';
import { toErrorAnswer, type ErrorForm } from './errors.ts';
import { EventStream } from './event-stream.ts';
import type { ChunkForm } from './chunks.ts';
import type { Target } from './route.ts';
import { childTraceparent, createRequestId, isRequestId } from './trace.ts';

const JSON_TYPE = 'application/json';
const EMPTY = new Uint8Array(0);
const EXPOSED_HEADERS =
  'inference-header-content-length, location, retry-after, servery-log-attempt, servery-log-complete, servery-log-offset, ' +
  'servery-log-step, traceparent, x-request-id';
const LONGEST_TIMEOUT_MS = 86_400_000;

type StreamForm = Pick<ChunkForm, 'headers' | 'lastWords' | 'saysFailures'>;

/** The port that requests come through. */
export interface ExchangeHost {
  readonly isDraining: () => boolean;
  readonly budget: ByteBudget;
  /** Of failures before a route is known; ours by default. */
  readonly errors?: ErrorForm | undefined;
}

export class Exchange implements CancelSignal {
  readonly request: IncomingMessage;
  readonly headers: IncomingHttpHeaders;
  readonly #response: ServerResponse;
  readonly #isDraining: () => boolean;
  readonly #budget: ByteBudget;
  readonly #errors: ErrorForm | undefined;
  readonly #startedAt = systemClock.now();

  /** Set once the path is known. */
  target: Target | undefined;
  query = '';
  /** Media type of the body, and the body itself, decompressed. */
  mediaType = '';
  body: Uint8Array = EMPTY;
  /** Instant at which the client has its answer or a 504. */
  deadline: number | undefined;
  /** What was predicted, for the metrics. */
  model: ModelVersion | undefined;
  rows = 0;
  /** Somebody else counts the prediction. */
  isCounted = false;
  /** Headers that every answer to this request has, names and values in turn. */
  readonly #common: string[] = [];
  #reader: BodyReader | undefined;
  #onAbort: (() => void) | undefined;
  #timer: Disposable | undefined;
  #error: unknown;
  #isAnswered = false;
  #events: EventStream | undefined;
  #chunks: AnswerStream | undefined;
  #chunkForm: StreamForm | undefined;
  /** How the chunks end, if nothing else is known when they do. */
  #chunksEnd: ErrorCode | 'OK' = 'OK';
  /** The client sends its body only when it is told to. */
  #awaitsLeave = false;
  #requestId: string | undefined;
  #traceparent: string | undefined;

  constructor(request: IncomingMessage, response: ServerResponse, { isDraining, budget, errors }: ExchangeHost) {
    this.request = request;
    this.headers = request.headers;
    this.#response = response;
    this.#isDraining = isDraining;
    this.#budget = budget;
    this.#errors = errors;
    const { 'x-request-id': id, traceparent, expect } = this.headers;
    if (expect !== undefined) this.#awaitsLeave = expect.toLowerCase() === '100-continue';
    if (id !== undefined && isRequestId(id as string)) {
      this.#common.push('x-request-id', (this.#requestId = id as string));
    }
    if (traceparent !== undefined) {
      this.#traceparent = childTraceparent(traceparent as string);
      if (this.#traceparent !== undefined) this.#common.push('traceparent', this.#traceparent);
    }
  }

  /** Its body is still on the way, and nothing was answered yet. */
  get isArriving(): boolean {
    return !this.#isAnswered && !this.request.complete;
  }

  get requestId(): string {
    this.#requestId ??= createRequestId();
    return this.#requestId;
  }

  /** A parameter of the path, decoded. */
  param(name: string): string {
    return this.target?.params[name] ?? '';
  }

  /** As the signal of its prediction: nobody waits for the answer any more. An AbortController would cost 4 microseconds. */
  get aborted(): boolean {
    return this.#chunks === undefined ? this.#isAnswered : !this.#chunks.isOpen;
  }

  addEventListener(_: 'abort', listener: () => void): void {
    this.#onAbort = withListener(this.#onAbort, listener);
  }

  /** A header of the answer, whatever it will be. */
  addHeader(name: string, value: string): void {
    this.#common.push(name, value);
  }

  /** The answer says the id of the request: failures always do, and what else a protocol wants. */
  nameRequest(): void {
    if (!this.#common.includes('x-request-id')) this.#common.push('x-request-id', this.requestId);
  }

  allowOrigin(origin: string): void {
    // prettier-ignore
    this.#common.push(
      'access-control-allow-origin', origin,
      'access-control-expose-headers', EXPOSED_HEADERS,
      'vary', 'origin',
    );
  }

  /** From now on the client has its answer by the deadline that its header asks for, whatever else happens. */
  startDeadline(): void {
    const text = this.headers['servery-timeout-ms'] as string | undefined;
    if (text === undefined) return;
    const timeoutMs = /^[0-9]{1,8}(\.[0-9]{1,6})?$/.test(text) ? Number(text) : 0;
    if (timeoutMs <= 0 || timeoutMs > LONGEST_TIMEOUT_MS) {
      const expected = `expected milliseconds above 0, at most ${LONGEST_TIMEOUT_MS}`;
      throw new ServeryError('INVALID_REQUEST', `Cannot use the header Servery-Timeout-Ms: ${expected}`);
    }
    this.deadline = this.#startedAt + timeoutMs;
    this.#timer = systemClock.after(timeoutMs, () =>
      this.fail(new ServeryError('DEADLINE_EXCEEDED', 'Request timeout expired')),
    );
  }

  /** Reads the body; see `BodyReader`. */
  readBody(maxBytes: number, jsonBytes: number | undefined): Promise<Uint8Array> {
    this.#reader = new BodyReader(this.request, maxBytes, this.#budget);
    const body = this.#reader.read(jsonBytes);
    if (this.#awaitsLeave) this.#response.writeContinue();
    this.#awaitsLeave = false;
    return body;
  }

  /** Uses the body in a larger form, which was made of what was read. */
  unpacked(body: Uint8Array): void {
    this.#reader?.hold(body.length);
    this.body = body;
  }

  /** Answers with JSON text. */
  json(text: string): void {
    this.send(200, JSON_TYPE, text);
  }

  /** @param headers names and values in turn */
  send(status: number, contentType: string, body: string | Uint8Array, headers?: readonly string[]): void {
    if (!this.#settle()) return;
    this.#transmit(status, contentType, body, headers);
    this.#announce(status, 'OK');
  }

  /**
   * Answers with events until the stream or the connection is ended.
   *
   * @returns undefined when the request has its answer already
   */
  openStream(): EventStream | undefined {
    if (!this.#settle()) return undefined;
    this.#events = new EventStream(this.#response, this.#common);
    if (this.#isDraining() || this.request.method === 'HEAD') this.#events.end();
    return this.#events;
  }

  /**
   * Answers with what comes bit by bit; ends by itself, and the server waits for it.
   *
   * @param form its headers, and what is said when it fails after it has begun
   * @returns undefined when the request has its answer already
   */
  openChunks(contentType: string, form: StreamForm): AnswerStream | undefined {
    if (!this.#settle()) return undefined;
    const headers = [...(form.headers?.() ?? []), ...this.#common];
    if (this.#isDraining()) headers.push('connection', 'close');
    this.#chunkForm = form;
    this.#chunks = new AnswerStream(this.#response, contentType, headers);
    return this.#chunks;
  }

  /** A stream would go on for ever: the server is stopping. */
  endStream(): void {
    this.#events?.end();
  }

  fail(error: unknown): void {
    const isLate = this.#chunks?.isOpen === true;
    if (!isLate && !this.#settle()) return;
    const form = this.target?.route.errors ?? this.#errors;
    const { code, status, body, headers, contentType = JSON_TYPE } = toErrorAnswer(error, form, this.target?.params);
    this.#error = error;
    if (isLate) {
      this.#chunksEnd = code;
      const text = typeof body === 'string' ? body : new TextDecoder().decode(body);
      const lastWords = this.#chunkForm?.lastWords?.(text);
      if (lastWords !== undefined && this.#chunkForm?.saysFailures === true) this.#chunks?.endWith(lastWords);
      else this.#chunks?.cut(lastWords);
      return;
    }
    this.#reader?.discard();
    this.#onAbort?.();
    this.nameRequest();
    const answer = (): void => this.#transmit(status, contentType, body, headers);
    if (this.#mustReadFirst()) this.request.once('end', answer).resume();
    else answer();
    this.#announce(status, code);
  }

  /** The connection is gone: with or without an answer, nobody waits for one. */
  closed(): void {
    if (this.#events !== undefined) this.#announce(200, 'OK');
    if (this.#chunks !== undefined) {
      const isWhole = this.#response.writableFinished;
      this.#announce(200, isWhole || this.#chunksEnd !== 'OK' ? this.#chunksEnd : 'CANCELLED');
      this.#onAbort?.();
    }
    if (!this.#settle()) return;
    this.#onAbort?.();
    this.#reader?.discard();
    this.#announce(499, 'CANCELLED');
  }

  /**
   * A connection that is closed with a part of the body unread is reset, and the answer may be lost with it. So
   * where the answer ends the connection, the rest of the body goes by first, unless the client waits for leave to send it.
   */
  #mustReadFirst(): boolean {
    const isLast = this.#isDraining() || !this.#response.shouldKeepAlive;
    return isLast && !this.request.complete && !this.#awaitsLeave;
  }

  #settle(): boolean {
    if (this.#isAnswered) return false;
    this.#isAnswered = true;
    this.#timer?.[Symbol.dispose]();
    this.#reader?.release();
    return true;
  }

  #transmit(status: number, contentType: string, body: string | Uint8Array, headers?: readonly string[]): void {
    const length = typeof body === 'string' ? Buffer.byteLength(body) : body.length;
    const list: string[] = [];
    if (contentType !== '') list.push('content-type', contentType);
    if (headers !== undefined) list.push(...headers);
    if (this.#common.length > 0) list.push(...this.#common);
    // What follows on the connection could be the body that was refused, or the next request: nobody can tell.
    if (this.#isDraining() || this.#awaitsLeave) list.push('connection', 'close');
    if (length < COMPRESS_FROM_BYTES) this.#write(status, list, length, body);
    else void this.#compressed(status, list, length, body, contentType);
  }

  async #compressed(
    status: number,
    list: string[],
    length: number,
    body: string | Uint8Array,
    contentType: string,
  ): Promise<void> {
    list.push('vary', 'accept-encoding');
    const accepted = this.headers['accept-encoding'];
    const coding = accepted === undefined ? undefined : chooseCoding(accepted as string);
    // Tensors hardly shrink: they are compressed only for a client that asks for nothing else.
    const isTensor = contentType === 'application/octet-stream';
    if (coding === undefined || (isTensor && !isOnlyCoding(accepted as string))) {
      this.#write(status, list, length, body);
      return;
    }
    const bytes = await compress(body, coding);
    list.push('content-encoding', coding);
    this.#write(status, list, bytes.length, bytes);
  }

  #write(status: number, list: string[], length: number, body: string | Uint8Array): void {
    if (status !== 204) list.push('content-length', String(length));
    this.#response.writeHead(status, list);
    this.#response.end(body);
  }

  #announce(status: number, code: ErrorCode | 'OK'): void {
    const { target } = this;
    if (target?.route.predicts === true && !this.isCounted && predictionDone.hasSubscribers) {
      const { model, rows } = this;
      predictionDone.publish({ model, door: 'http', rows, totalMs: systemClock.now() - this.#startedAt, code });
    }
    if (!requestDone.hasSubscribers) return;
    requestDone.publish({
      door: 'http',
      requestId: this.requestId,
      traceparent: this.#traceparent,
      method: this.request.method ?? '',
      route: target?.route.path ?? '',
      status,
      code,
      totalMs: systemClock.now() - this.#startedAt,
      model: this.model,
      error: this.#error,
    });
  }
}
