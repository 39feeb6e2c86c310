/**
 * The HTTP door: a bare `node:http` server and one table of routes.
 *
 * A web framework would halve the requests per second of a small model. What it would do is in this folder:
 * dispatch.ts checks and routes, exchange.ts holds a request and answers it once, the `…-routes.ts` files decode
 * and encode.
 */
import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { promisify } from 'node:util';
import { systemClock } from '../core/clock.ts';
import { ServeryError } from '../core/errors.ts';
import { ByteBudget } from '../listening/byte-budget.ts';
import { InFlight } from '../listening/in-flight.ts';
import { closeListener, listenOn, type ListenOptions } from '../listening/listen.ts';
import { withCertificate } from '../listening/tls.ts';
import type { HttpDeps } from './deps.ts';
import { Dispatcher } from './dispatch.ts';
import { Exchange, type ExchangeHost } from './exchange.ts';
import type { HttpOptions } from './options.ts';
import type { Route } from './route.ts';
import { sharedTable, type OpenTable } from './routes.ts';
import { answerUnreadable, refuseTunnel } from './unreadable.ts';

export type { HttpDeps, Page, ReadModels } from './deps.ts';

export interface HttpServer extends AsyncDisposable {
  /** For the documentation. */
  readonly routes: readonly Route[];
  /** Answers requests of somebody's own server. */
  readonly listener: RequestListener;
  /** @throws {ServeryError} `ADDRESS_IN_USE` */
  listen(options: ListenOptions): Promise<AddressInfo>;
  /** From now on the server is not ready, refuses requests with 503, and asks clients to reconnect elsewhere. */
  beginDrain(): void;
  /**
   * Drains, and closes when every request has its answer. Those that have none after `graceMs` get a 503.
   *
   * @returns how many these were
   */
  close(graceMs: number): Promise<number>;
}

/**
 * A client that sends one request after the other on its connections would meet a reset when they are closed between two
 * of them. For this long it gets answers instead: 503, and that the connection ends with it.
 */
const FAREWELL_MS = 250;

interface Connection {
  /** Requests without an answer: more than one when a client does not wait for the first. */
  unanswered: number;
  latest: Exchange;
  /** Nothing more can be read from it. */
  isBroken: boolean;
}

/**
 * @param openTable what it answers
 * @throws {ServeryError} `CONFIG_INVALID` when the certificate or the key cannot be read
 */
export function createHttpServer(deps: HttpDeps, openTable: OpenTable = sharedTable): HttpServer {
  let isDraining = false;
  const draining = () => isDraining;
  const table = openTable(deps, draining);
  const dispatcher = new Dispatcher(deps, table, draining);
  const exchanges = new InFlight<Exchange>();
  const budget = new ByteBudget(deps.bufferedBytes, deps.options.maxBufferedBytes, 'http.maxBufferedBytes');
  const host: ExchangeHost = { isDraining: draining, budget, errors: table.errors };
  const connections = new WeakMap<Duplex, Connection>();

  function listener(request: IncomingMessage, response: ServerResponse): void {
    const { socket } = request;
    const exchange = new Exchange(request, response, host);
    const slot = exchanges.add(exchange);
    let connection = connections.get(socket);
    if (connection === undefined) {
      connections.set(socket, (connection = { unanswered: 0, latest: exchange, isBroken: false }));
    }
    connection.unanswered += 1;
    connection.latest = exchange;
    response.on('close', () => {
      exchange.closed();
      exchanges.remove(slot);
      connection.unanswered -= 1;
      if (connection.isBroken && connection.unanswered === 0) socket.destroySoon();
    });
    void dispatcher.answer(exchange);
  }

  /** The bytes on a connection make no sense, or do not come. */
  function onUnreadable(error: NodeJS.ErrnoException, socket: Duplex): void {
    const connection = connections.get(socket);
    const { unanswered = 0, latest } = connection ?? {};
    if (error.code === 'ECONNRESET' || !socket.writable) socket.destroy();
    else if (unanswered === 0 || (unanswered === 1 && latest?.isArriving === true)) answerUnreadable(error, socket);
    // Requests before it wait for their answers, and an answer to this one would be taken for theirs.
    else if (connection !== undefined) connection.isBroken = true;
  }

  function beginDrain(): void {
    isDraining = true;
    for (const exchange of exchanges) exchange.endStream();
  }

  /** @returns how long it took */
  async function sayGoodbye(timeMs: number): Promise<number> {
    const open = await promisify((done: (error: Error | null, count: number) => void) => server.getConnections(done))();
    if (timeMs === 0 || open === 0) return 0;
    await new Promise<void>((resolve) => systemClock.after(timeMs, resolve));
    return timeMs;
  }

  const server = createNodeServer(deps.options);
  server.on('request', listener);
  // The answer to `Expect: 100-continue` is given where the body is wanted, so that a refusal can come first.
  server.on('checkContinue', listener);
  server.on('checkExpectation', listener);
  server.on('connect', (_request, socket) => refuseTunnel(socket));
  server.on('clientError', onUnreadable);
  server.maxConnections = deps.options.maxConnections;

  const http: HttpServer = {
    routes: table.routes,
    listener,

    async listen(options) {
      const address = await listenOn(server, options);
      dispatcher.hosts.boundAddress = address.address;
      return address;
    },

    beginDrain,

    async close(graceMs) {
      beginDrain();
      const farewellMs = await sayGoodbye(Math.min(graceMs, FAREWELL_MS));
      const unanswered = await exchanges.end(graceMs - farewellMs, systemClock, stopped);
      const closed = closeListener(server);
      // Idle connections, and those of clients that do not read.
      setImmediate(() => server.closeAllConnections());
      await closed;
      return unanswered;
    },

    async [Symbol.asyncDispose]() {
      await http.close(0);
    },
  };
  return http;
}

function createNodeServer(options: HttpOptions): Server {
  const { maxHeaderBytes, headersTimeout, requestTimeout, keepAliveTimeout, tls } = options;
  const settings = {
    maxHeaderSize: maxHeaderBytes,
    headersTimeout: Math.min(headersTimeout, requestTimeout),
    requestTimeout,
    keepAliveTimeout,
    connectionsCheckingInterval: Math.min(1000, Math.ceil(headersTimeout / 4)),
    // A missing Host is refused in JSON, by the host rule.
    requireHostHeader: false,
  };
  // Imported, `node:http` would also load the client of the web that it exports: 40 ms and 13 MB for each thread.
  if (tls === undefined) return process.getBuiltinModule('node:http').createServer(settings);
  const { createServer } = process.getBuiltinModule('node:https');
  return withCertificate(tls, 'http.tls', (pair) => createServer({ ...settings, ...pair }));
}

function stopped(): ServeryError {
  return new ServeryError('SHUTTING_DOWN', 'Cannot answer the request: the server has stopped');
}
