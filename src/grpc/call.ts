/**
 * One call on one HTTP/2 stream, as far as unary and streaming ones are alike: deadline, limits, encoding,
 * status, and being left by the client.
 *
 * The transport is ours and not a library's, because the hot path is: predictions spend less in these files
 * than any library spends around them (bench/micro/grpc.bench.ts), and a second transport for the other
 * methods would have to say all of this once more.
 */
import { constants, type IncomingHttpHeaders, type OutgoingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import type { Clock } from '../core/clock.ts';
import { ServeryError, type ErrorCode } from '../core/errors.ts';
import { requestDone } from '../core/events.ts';
import type { ModelVersion } from '../core/model.ts';
import { childTraceparent, createRequestId, isRequestId } from '../core/trace.ts';
import { ACCEPTED_ENCODINGS, compress, decompress, encodingOf, type Encoding } from './encodings.ts';
import { STATUS, STATUS_BY_CODE, toKnownError, toTrailers, type Status } from './errors.ts';
import { MessageReader, type IncomingMessage } from './framing.ts';
import type { CallContext } from './method.ts';
import type { GrpcOptions } from './options.ts';
import { parseTimeout } from './timeout.ts';

/** What calls share: limits, and what the server counts. */
export interface CallHost {
  readonly options: Pick<GrpcOptions, 'maxMessageBytes' | 'maxBufferedBytes' | 'messageTimeout'>;
  readonly clock: Clock;
  readonly calls: Set<Call>;
  bufferedBytes: number;
  /** Called when the last call is over. */
  onIdle: () => void;
}

const ANSWER_HEADERS: OutgoingHttpHeaders = {
  ':status': 200,
  'content-type': 'application/grpc',
  'grpc-accept-encoding': ACCEPTED_ENCODINGS,
};
const WITH_TRAILERS = { waitForTrailers: true };
const OK_TRAILERS: OutgoingHttpHeaders = { 'grpc-status': String(STATUS.OK) };

/** Node's timers take no longer ones; a client that waits for weeks waits for as long as it takes. */
const MAX_TIMER_MS = 2 ** 31 - 1;

export abstract class Call implements CallContext {
  readonly #host: CallHost;
  readonly #stream: ServerHttp2Stream;
  readonly #reader: MessageReader;
  readonly #abort = new AbortController();
  #encoding: Encoding | undefined;
  #deadline: number | undefined;
  #timer: Disposable | undefined;
  /** Bytes of this call in `host.bufferedBytes`. */
  #heldBytes = 0;
  /** Since when the client has been waited for, to send a message or to take an answer; 0 while it is not. */
  #waitingSince = 0;
  #isOver = false;
  readonly #path: string;
  readonly #startedAt: number;
  #headers: IncomingHttpHeaders = {};
  #requestId: string | undefined;
  model: ModelVersion | undefined;

  /** @param path of the method, or empty when there is no such method */
  constructor(stream: ServerHttp2Stream, host: CallHost, path: string) {
    this.#stream = stream;
    this.#path = path;
    this.#startedAt = host.clock.now();
    this.#host = host;
    this.#reader = new MessageReader(host.options.maxMessageBytes);
    host.calls.add(this);
    stream.on('close', () => this.#onClose());
    // A reset is an error to Node.js. `close` follows it and says all there is to know.
    stream.on('error', ignore);
  }

  get deadline(): number | undefined {
    return this.#deadline;
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** The status is decided: whatever else happens no longer matters. */
  protected get isOver(): boolean {
    return this.#isOver;
  }

  /** Messages that have come whole; the call holds their bytes until `release`. */
  protected abstract onMessages(messages: readonly IncomingMessage[]): void;
  /** The client has sent everything. */
  protected abstract onEnd(): void;
  /** The call has failed, or the client is gone. */
  protected abstract onOver(reason: ServeryError): void;
  /** The server stops: end what would not end by itself. */
  abstract drain(reason: ServeryError): void;

  /** Begins to read. */
  start(headers: IncomingHttpHeaders): void {
    this.#headers = headers;
    try {
      const timeoutMs = parseTimeout(headers['grpc-timeout'] as string | undefined);
      this.#encoding = encodingOf(headers['grpc-encoding'] as string | undefined);
      if (timeoutMs !== undefined && timeoutMs <= MAX_TIMER_MS) this.#startTimer(timeoutMs);
    } catch (error) {
      this.fail(error);
      return;
    }
    this.#stream.on('data', (chunk: Buffer) => this.#onData(chunk));
    this.#stream.on('end', () => this.#onEnd());
  }

  /** Ends the call with the status of an error. */
  fail(cause: unknown): void {
    if (this.#isOver) return;
    const error = toKnownError(cause, this.#id());
    this.#over(error);
    this.#announce(error.code, STATUS_BY_CODE[error.code]);
    const stream = this.#stream;
    if (stream.destroyed) return;
    const trailers = { ...toTrailers(error), 'x-request-id': this.#id() };
    if (stream.headersSent) {
      stream.on('wantTrailers', () => stream.sendTrailers(trailers));
      stream.end();
    } else {
      stream.respond({ ...ANSWER_HEADERS, ...trailers }, { endStream: true });
    }
    this.#stopReading();
  }

  /** Ends the call well. */
  protected finish(lastMessage?: Buffer): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#timer?.[Symbol.dispose]();
    this.#announce('OK', STATUS.OK);
    const stream = this.#stream;
    if (stream.destroyed) return;
    if (!stream.headersSent) this.#respond();
    stream.on('wantTrailers', () => stream.sendTrailers(OK_TRAILERS));
    if (lastMessage === undefined) stream.end();
    else stream.end(lastMessage);
    this.#waitingSince = this.#host.clock.now();
  }

  /** Sends a message of several; resolves when the client has room for the next, or is gone. */
  protected async send(message: Buffer): Promise<void> {
    const stream = this.#stream;
    if (this.#isOver || stream.destroyed) return;
    if (!stream.headersSent) this.#respond();
    if (stream.write(message)) return;
    this.#waitingSince = this.#host.clock.now();
    await new Promise<void>((resolve) => {
      stream.once('drain', resolve);
      stream.once('close', resolve);
    });
    this.#waitingSince = 0;
  }

  /** The bytes of a message without its encoding. At once, where there is none. */
  protected unpack({ bytes, isCompressed }: IncomingMessage): Buffer | Promise<Buffer> {
    if (!isCompressed) return bytes;
    if (this.#encoding !== undefined) {
      return decompress(this.#encoding, bytes, this.#host.options.maxMessageBytes);
    }
    throw new ServeryError(
      'INVALID_REQUEST',
      'Cannot read the message: it is compressed, and no grpc-encoding says how',
    );
  }

  /** A framed message in the encoding of the request. */
  protected pack(message: Buffer): Buffer | Promise<Buffer> {
    return this.#encoding === undefined ? message : compress(this.#encoding, message);
  }

  protected pause(): void {
    this.#stream.pause();
  }

  protected resume(): void {
    this.#stream.resume();
  }

  /** Frees what `onMessages` has been given. */
  protected release(bytes: number): void {
    const released = Math.min(bytes, this.#heldBytes);
    this.#heldBytes -= released;
    this.#host.bufferedBytes -= released;
  }

  /** Cuts off a client that is too slow. */
  checkProgress(now: number): void {
    const limitMs = this.#host.options.messageTimeout;
    if (this.#waitingSince === 0 || now - this.#waitingSince < limitMs) return;
    if (this.#isOver) this.#stream.close(constants.NGHTTP2_CANCEL);
    else this.fail(new ServeryError('CANCELLED', `The client took longer than ${limitMs} ms for a message`));
  }

  #respond(): void {
    const encoding = this.#encoding;
    const headers = encoding === undefined ? ANSWER_HEADERS : { ...ANSWER_HEADERS, 'grpc-encoding': encoding.name };
    this.#stream.respond(headers, WITH_TRAILERS);
  }

  #onData(chunk: Buffer): void {
    if (this.#isOver) return;
    try {
      this.#hold(chunk.length);
      const messages = this.#reader.push(chunk);
      if (this.#reader.pendingBytes === 0) this.#waitingSince = 0;
      else if (messages.length > 0 || this.#waitingSince === 0) this.#waitingSince = this.#host.clock.now();
      if (messages.length > 0) this.onMessages(messages);
    } catch (error) {
      this.fail(error);
    }
  }

  #onEnd(): void {
    if (this.#isOver) return;
    try {
      if (this.#reader.pendingBytes > 0) {
        throw new ServeryError('INVALID_REQUEST', 'Cannot read the message: the stream ends in the middle of it');
      }
      this.onEnd();
    } catch (error) {
      this.fail(error);
    }
  }

  #hold(bytes: number): void {
    const { options, bufferedBytes } = this.#host;
    if (bufferedBytes + bytes > options.maxBufferedBytes) {
      const held = `${bufferedBytes} of ${options.maxBufferedBytes} bytes (grpc.maxBufferedBytes) are in use`;
      throw new ServeryError('QUEUE_FULL', `Cannot take the message: ${held}`, {
        hint: 'Retry after the given delay.',
      });
    }
    this.#heldBytes += bytes;
    this.#host.bufferedBytes += bytes;
  }

  #startTimer(timeoutMs: number): void {
    this.#deadline = this.#host.clock.now() + timeoutMs;
    this.#timer = this.#host.clock.after(timeoutMs, () => {
      this.fail(new ServeryError('DEADLINE_EXCEEDED', `The answer was not ready within ${Math.ceil(timeoutMs)} ms`));
    });
  }

  #over(reason: ServeryError): void {
    this.#isOver = true;
    this.#waitingSince = this.#host.clock.now();
    this.#timer?.[Symbol.dispose]();
    this.#abort.abort(reason);
    this.onOver(reason);
  }

  /** What the client still sends is not wanted: without this it would go on until the window is full. */
  #stopReading(): void {
    const stream = this.#stream;
    if (stream.readableEnded) return;
    stream.resume();
    stream.once('finish', () => stream.close(constants.NGHTTP2_NO_ERROR));
  }

  #onClose(): void {
    const { calls, onIdle } = this.#host;
    // Node.js keeps the stream until the next full collection, and would keep the call with it.
    this.#stream.removeAllListeners();
    this.#stream.on('error', ignore);
    calls.delete(this);
    this.release(this.#heldBytes);
    if (!this.#isOver) {
      this.#over(new ServeryError('CANCELLED', 'The client closed the call'));
      this.#announce('CANCELLED', STATUS.CANCELLED);
    }
    if (calls.size === 0) onIdle();
  }

  /** The client's, or one made here. */
  #id(): string {
    const given = this.#headers['x-request-id'] as string | undefined;
    this.#requestId ??= isRequestId(given) ? given : createRequestId();
    return this.#requestId;
  }

  #announce(code: ErrorCode | 'OK', status: Status): void {
    if (!requestDone.hasSubscribers) return;
    requestDone.publish({
      door: 'grpc',
      requestId: this.#id(),
      traceparent: childTraceparent(this.#headers['traceparent'] as string | undefined),
      method: 'POST',
      route: this.#path,
      status,
      code,
      totalMs: this.#host.clock.now() - this.#startedAt,
      model: this.model,
    });
  }
}

function ignore(): void {}
