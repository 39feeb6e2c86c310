/**
 * The gRPC door: an HTTP/2 server, a table of methods, and how it stops.
 *
 * Browsers cannot reach it: they do not speak HTTP/2 without TLS, and with TLS the content type that every
 * call must have makes them ask first, which is refused. So the rules against foreign web pages that the HTTP
 * door needs have nothing to do here.
 */
import {
  createSecureServer,
  createServer,
  type Http2SecureServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Stream,
} from 'node:http2';
import type { AddressInfo } from 'node:net';
import { systemClock, type Clock } from '../core/clock.ts';
import { ServeryError, quote } from '../core/errors.ts';
import { ByteBudget } from '../listening/byte-budget.ts';
import { InFlight } from '../listening/in-flight.ts';
import { closeListener, listenOn, type ListenOptions } from '../listening/listen.ts';
import { withCertificate } from '../listening/tls.ts';
import { CallRecord } from './call-record.ts';
import type { Call, CallHost } from './call.ts';
import type { GrpcDeps } from './deps.ts';
import { createHealth } from './health.ts';
import type { Method } from './method.ts';
import { messageCaller, type MessageCaller } from './message-caller.ts';
import { methodTable } from './methods.ts';
import type { GrpcOptions } from './options.ts';
import { STREAM_WINDOW_BYTES, Sessions } from './sessions.ts';
import { StreamingCall } from './streaming-call.ts';
import { UnaryCall } from './unary-call.ts';

export type { GrpcDeps } from './deps.ts';

export interface GrpcServer extends AsyncDisposable {
  /** Calls a method that predicts, without the transport. @returns undefined when the port has none at that path */
  method(path: string): MessageCaller | undefined;
  /** @throws {ServeryError} `ADDRESS_IN_USE` */
  listen(options: ListenOptions): Promise<AddressInfo>;
  /** Where it listens; undefined before `listen` and after `close`. */
  readonly address: AddressInfo | undefined;
  /** Health says NOT_SERVING, new calls are refused with UNAVAILABLE, and clients are asked to go elsewhere. */
  beginDrain(): void;
  /**
   * Drains, and closes when every call has its answer. Those that have none after `graceMs` get UNAVAILABLE.
   *
   * @returns how many these were; what the first call gave, when it is called again
   */
  close(graceMs: number): Promise<number>;
}

/** How often slow clients, silent connections and watchers of health are looked at. */
const TICK_MS = 500;

/** @throws {ServeryError} `CONFIG_INVALID` when the certificate or the key cannot be read */
export function createGrpcServer(deps: GrpcDeps, clock: Clock = systemClock): GrpcServer {
  const { options, models } = deps;
  const calls = new InFlight<Call>();
  const budget = new ByteBudget(deps.bufferedBytes, options.maxBufferedBytes, 'grpc.maxBufferedBytes');
  const host: CallHost = { options, clock, calls, budget };
  const sessions = new Sessions(options, clock);
  let isDraining = false;
  const health = createHealth({ isReady: () => models.snapshot.ready, isDraining: () => isDraining });
  const methods = methodTable(deps, health, () => isDraining);
  let ticker: Disposable | undefined;
  let closing: Promise<number> | undefined;

  const server = createHttp2Server(options);
  server.maxConnections = options.maxConnections;
  server.on('session', (session) => sessions.add(session));
  server.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, _flags: number, raw: string[]) => {
    // A reset is an error to Node.js. The call hears of it by `close`, which follows.
    stream.on('error', ignore);
    // It may have come together with the call.
    if (stream.closed || stream.destroyed || refuseAsHttp(stream, headers)) return;
    const path = headers[':path'] ?? '';
    const method = methods.get(path) ?? UNKNOWN;
    const call = createCall(stream, host, method, new CallRecord(clock, method === UNKNOWN ? '' : path, headers));
    try {
      if (method === UNKNOWN) throw new ServeryError('UNSUPPORTED', `Servery has no method ${quote(path)}`);
      if (isDraining && method.whileDraining !== true) throw stopping();
      refuseLargeMetadata(raw, options.maxMetadataBytes);
      deps.authorize(headers.authorization, method.scope);
      call.start(headers);
    } catch (error) {
      call.fail(method.refusal?.(error) ?? error);
    }
  });

  function tick(): void {
    const now = clock.now();
    for (const call of calls) call.checkProgress(now);
    sessions.check();
    health.check();
    ticker = clock.after(TICK_MS, tick);
  }

  async function close(graceMs: number): Promise<number> {
    grpc.beginDrain();
    const closed = closeListener(server);
    const unanswered = await calls.end(graceMs, clock, stopping);
    setImmediate(() => sessions.destroy());
    await sessions.close();
    await closed;
    ticker?.[Symbol.dispose]();
    return unanswered;
  }

  const grpc: GrpcServer = {
    method: (path) => messageCaller(methods.get(path)),

    async listen(where) {
      const address = await listenOn(server, where);
      ticker = clock.after(TICK_MS, tick);
      return address;
    },

    get address() {
      return (server.address() as AddressInfo | null) ?? undefined;
    },

    beginDrain() {
      if (isDraining) return;
      isDraining = true;
      health.check();
      for (const call of calls) call.drain(stopping());
      sessions.sayGoodbye();
    },

    close(graceMs) {
      closing ??= close(graceMs);
      return closing;
    },

    async [Symbol.asyncDispose]() {
      await grpc.close(0);
    },
  };
  return grpc;
}

function stopping(): ServeryError {
  return new ServeryError('SHUTTING_DOWN', 'Cannot answer the call: the server is stopping');
}

/** Stands for every method that does not exist; never gets as far as a message. */
const UNKNOWN: Method = {
  scope: 'none',
  whileDraining: true,
  answer: {
    unary() {
      throw new ServeryError('UNSUPPORTED', 'Servery has no such method');
    },
  },
};

function createCall(stream: ServerHttp2Stream, host: CallHost, { answer }: Method, record: CallRecord): Call {
  return 'unary' in answer
    ? new UnaryCall(stream, host, record, answer.unary)
    : new StreamingCall(stream, host, record, answer.streaming);
}

/** Node.js announces the limit to clients and limits the number of headers, but takes larger ones. */
function refuseLargeMetadata(namesAndValues: readonly string[], maxBytes: number): void {
  // Each counts 32 bytes more than its text, as HTTP/2 has it.
  let bytes = 16 * namesAndValues.length;
  for (const text of namesAndValues) bytes += text.length;
  if (bytes <= maxBytes) return;
  const limit = `${maxBytes} (grpc.maxMetadataBytes)`;
  throw new ServeryError('PAYLOAD_TOO_LARGE', `Cannot take metadata of ${bytes} bytes: the limit is ${limit}`);
}

/** What is not gRPC at all is answered in plain HTTP, as the specification has it. */
function refuseAsHttp(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): boolean {
  const contentType = headers['content-type'] ?? '';
  const isGrpc = contentType === 'application/grpc' || /^application\/grpc(\+proto)?(;|$)/.test(contentType);
  if (isGrpc && headers[':method'] === 'POST') return false;
  stream.respond(isGrpc ? { ':status': 405, allow: 'POST' } : { ':status': 415 }, { endStream: true });
  stream.resume();
  return true;
}

function createHttp2Server({
  maxConcurrentStreams,
  maxMetadataBytes,
  maxBufferedBytes,
  tls,
}: GrpcOptions): Http2Server | Http2SecureServer {
  const settings = {
    settings: {
      maxConcurrentStreams,
      maxHeaderListSize: maxMetadataBytes,
      initialWindowSize: STREAM_WINDOW_BYTES,
    },
    // In megabytes, of answers too: the default of 10 refuses calls beside a few large answers.
    maxSessionMemory: Math.ceil(maxBufferedBytes / 2 ** 20),
    // A client whose calls all miss their deadline resets them all. The default takes 33 a second for an attack.
    streamResetBurst: 10_000,
    streamResetRate: 1000,
  };
  if (tls === undefined) return createServer(settings);
  return withCertificate(tls, 'grpc.tls', (pair) => createSecureServer({ ...settings, ...pair }));
}

function ignore(): void {}
