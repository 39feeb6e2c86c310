/**
 * One call on one HTTP/2 stream, as far as unary and streaming ones are alike: deadline, limits, encoding,
 * status, and being left by the client.
 *
 * The transport is ours and not a library's, because the hot path is: predictions spend less in these files
 * than any library spends around them (bench/micro/grpc.bench.ts), and a second transport for the other
 * methods would have to say all of this once more.
 */
import { constants, type IncomingHttpHeaders, type OutgoingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import { withListener, type CancelSignal } from '../core/cancel-signal.ts';
import type { Clock } from '../core/clock.ts';
import { ServeryError } from '../core/errors.ts';
import type { ModelVersion } from '../core/model.ts';
import type { ByteBudget } from '../listening/byte-budget.ts';
import type { InFlight } from '../listening/in-flight.ts';
import type { CallRecord } from './call-record.ts';
import { ACCEPTED_ENCODINGS, compress, decompress, encodingOf, type Encoding } from './encodings.ts';
import { STATUS, statusOf, toKnownError, toTrailers } from './errors.ts';
import { MessageReader, frame, type IncomingMessage } from './framing.ts';
import type { CallContext } from './method.ts';
import type { GrpcOptions } from './options.ts';
import { parseTimeout } from './timeout.ts';

/** What calls share: limits, and what the server counts. */
export interface CallHost {
  readonly options: Pick<GrpcOptions, 'maxMessageBytes' | 'messageTimeout'>;
  readonly clock: Clock;
  readonly calls: InFlight<Call>;
  /** For the bytes of messages. */
  readonly budget: ByteBudget;
}

const ANSWER_HEADERS: OutgoingHttpHeaders = {
  ':status': 200,
  'content-type': 'application/grpc',
  'grpc-accept-encoding': ACCEPTED_ENCODINGS,
};
/** As a list, which Node.js takes without copying it. */
const ANSWER_HEADER_LIST = Object.entries(ANSWER_HEADERS).flatMap(([name, value]) => [name, String(value)]);
/** The date would be a header more for each answer, and no client of gRPC reads it. */
const WITH_TRAILERS = { waitForTrailers: true, sendDate: false };
const OK_TRAILERS: OutgoingHttpHeaders = { 'grpc-status': String(STATUS.OK) };

/** Node's timers take no longer ones; a client that waits for weeks waits for as long as it takes. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/**
 * How long a client may go on sending after the status. Clients stop by themselves when they read it, and a
 * reset that is sent together with the status can overtake it.
 */
const LINGER_MS = 1000;

export abstract class Call implements CallContext, CancelSignal {
  readonly #host: CallHost;
  readonly #stream: ServerHttp2Stream;
  readonly #record: CallRecord;
  readonly #reader: MessageReader;
  #onAbort: (() => void) | undefined;
  #isAborted = false;
  /** Node.js keeps a closed stream until the next full collection; this cuts what hangs on it. */
  readonly #link: { call: Call | undefined } = { call: this };
  #encoding: Encoding | undefined;
  #deadline: number | undefined;
  #timer: Disposable | undefined;
  readonly #slot: number;
  /** Bytes of this call in `host.budget`. */
  #heldBytes = 0;
  /** Since when the client has been waited for, to send a message or to take an answer; 0 while it is not. */
  #waitingSince = 0;
  #isOver = false;
  model: ModelVersion | undefined;
  metadata: Readonly<Record<string, string>> | undefined;

  constructor(stream: ServerHttp2Stream, host: CallHost, record: CallRecord) {
    this.#stream = stream;
    this.#record = record;
    this.#host = host;
    this.#reader = new MessageReader(host.options.maxMessageBytes);
    this.#slot = host.calls.add(this);
    const link = this.#link;
    stream.on('close', () => {
      if (link.call !== undefined) link.call.#onClose();
    });
  }

  get deadline(): number | undefined {
    return this.#deadline;
  }

  /** The call itself: an AbortController for each would cost 4 microseconds. */
  get signal(): CancelSignal {
    return this;
  }

  get aborted(): boolean {
    return this.#isAborted;
  }

  addEventListener(_: 'abort', listener: () => void): void {
    this.#onAbort = withListener(this.#onAbort, listener);
  }

  /** The status is decided: whatever else happens no longer matters. */
  protected get isOver(): boolean {
    return this.#isOver;
  }

  /** Whether the client may say nothing for as long as it likes, between messages. */
  protected abstract readonly mayIdle: boolean;
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
    try {
      const timeoutMs = parseTimeout(headers['grpc-timeout'] as string | undefined);
      this.#encoding = encodingOf(headers['grpc-encoding'] as string | undefined);
      if (timeoutMs !== undefined && timeoutMs <= MAX_TIMER_MS) this.#startTimer(timeoutMs);
    } catch (error) {
      this.fail(error);
      return;
    }
    if (!this.mayIdle) this.#waitingSince = this.#record.startedAt;
    const link = this.#link;
    this.#stream.on('data', (chunk: Buffer) => {
      if (link.call !== undefined) link.call.#onData(chunk);
    });
    this.#stream.on('end', () => {
      if (link.call !== undefined) link.call.#onEnd();
    });
  }

  /** Ends the call with the status of an error. */
  fail(cause: unknown): void {
    if (this.#isOver) return;
    const error = toKnownError(cause, this.#record.requestId);
    this.#over(error);
    this.#record.announce(error.code, statusOf(error), this.model);
    const stream = this.#stream;
    if (isGone(stream)) return;
    const trailers = { ...toTrailers(error), 'x-request-id': this.#record.requestId };
    if (stream.headersSent) {
      this.#endWith(trailers);
      stream.end();
    } else {
      stream.respond({ ...ANSWER_HEADERS, ...trailers }, { endStream: true });
    }
    // What the client still sends is not wanted.
    stream.resume();
  }

  /** Ends the call well. */
  protected finish(lastMessage?: Buffer): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#onAbort = undefined;
    this.#timer?.[Symbol.dispose]();
    this.#record.announce('OK', STATUS.OK, this.model);
    const stream = this.#stream;
    if (isGone(stream)) return;
    if (!stream.headersSent) this.#respond();
    this.#endWith(OK_TRAILERS);
    if (lastMessage === undefined) stream.end();
    else stream.end(lastMessage);
    this.#waitingSince = this.#host.clock.now();
  }

  /** Sends a message of several; resolves when the client has room for the next, or is gone. */
  protected async send(message: Buffer): Promise<void> {
    const stream = this.#stream;
    if (this.#isOver || isGone(stream)) return;
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

  /** Frames a message, in the encoding of the request. */
  protected pack(message: Buffer): Buffer | Promise<Buffer> {
    return this.#encoding === undefined ? frame(message) : compress(this.#encoding, message);
  }

  protected pause(): void {
    this.#stream.pause();
  }

  protected resume(): void {
    this.#stream.resume();
  }

  /** Frees what `onMessages` has been given. */
  protected release(bytes: number): void {
    this.#holdInAll(Math.max(0, this.#heldBytes - bytes));
  }

  /** Cuts off a client that is too slow, or goes on sending to a call that is over. */
  checkProgress(now: number): void {
    if (this.#waitingSince === 0) return;
    const waitedMs = now - this.#waitingSince;
    const stream = this.#stream;
    const limitMs = this.#host.options.messageTimeout;
    if (this.#isOver && stream.writableFinished && waitedMs >= LINGER_MS) stream.close(constants.NGHTTP2_NO_ERROR);
    else if (waitedMs < limitMs) return;
    else if (this.#isOver) stream.close(constants.NGHTTP2_CANCEL);
    else this.fail(new ServeryError('CANCELLED', `The client took longer than ${limitMs} ms for a message`));
  }

  #endWith(trailers: OutgoingHttpHeaders): void {
    const stream = this.#stream;
    stream.on('wantTrailers', () => {
      if (!isGone(stream)) stream.sendTrailers(trailers);
    });
  }

  #respond(): void {
    const encoding = this.#encoding;
    const { metadata } = this;
    const isPlain = encoding === undefined && metadata === undefined;
    const headers = isPlain ? ANSWER_HEADER_LIST : [...ANSWER_HEADER_LIST, ...Object.entries(metadata ?? {}).flat()];
    if (encoding !== undefined) headers.push('grpc-encoding', encoding.name);
    this.#stream.respond(headers, WITH_TRAILERS);
  }

  #onData(chunk: Buffer): void {
    if (this.#isOver) return;
    try {
      this.#holdInAll(this.#heldBytes + chunk.length);
      const messages = this.#reader.push(chunk);
      if (this.mayIdle) this.#watchMessage(messages.length > 0);
      if (messages.length > 0) this.onMessages(messages);
    } catch (error) {
      this.fail(error);
    }
  }

  /** Between two messages of a stream nobody waits; within one somebody does. */
  #watchMessage(hasEnded: boolean): void {
    if (this.#reader.pendingBytes === 0) this.#waitingSince = 0;
    else if (hasEnded || this.#waitingSince === 0) this.#waitingSince = this.#host.clock.now();
  }

  #onEnd(): void {
    // A reset ends what can be read as well; `close` follows it.
    if (this.#isOver || isGone(this.#stream)) return;
    this.#waitingSince = 0;
    try {
      if (this.#reader.pendingBytes > 0) {
        throw new ServeryError('INVALID_REQUEST', 'Cannot read the message: the stream ends in the middle of it');
      }
      this.onEnd();
    } catch (error) {
      this.fail(error);
    }
  }

  #holdInAll(bytes: number): void {
    this.#host.budget.change(this.#heldBytes, bytes);
    this.#heldBytes = bytes;
  }

  #startTimer(timeoutMs: number): void {
    const error = () =>
      new ServeryError('DEADLINE_EXCEEDED', `The answer was not ready within ${Math.ceil(timeoutMs)} ms`);
    if (timeoutMs <= 0) throw error();
    this.#deadline = this.#host.clock.now() + timeoutMs;
    this.#timer = this.#host.clock.after(timeoutMs, () => this.fail(error()));
  }

  #over(reason: ServeryError): void {
    this.#isOver = true;
    this.#waitingSince = this.#host.clock.now();
    this.#timer?.[Symbol.dispose]();
    this.#isAborted = true;
    this.#onAbort?.();
    this.#onAbort = undefined;
    this.onOver(reason);
  }

  #onClose(): void {
    this.#link.call = undefined;
    this.release(this.#heldBytes);
    if (!this.#isOver) {
      this.#over(new ServeryError('CANCELLED', 'The client closed the call'));
      this.#record.announce('CANCELLED', STATUS.CANCELLED, this.model);
    }
    this.#host.calls.remove(this.#slot);
  }
}

/** The client has reset the stream, or the connection is gone: HTTP/2 throws when it is written to. */
function isGone(stream: ServerHttp2Stream): boolean {
  return stream.destroyed || stream.closed;
}
