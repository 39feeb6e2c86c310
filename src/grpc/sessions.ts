/**
 * The HTTP/2 connections of the gRPC door: which are open, whether their clients live, and saying goodbye.
 *
 * Node.js guards against floods of pings, settings and resets by itself; what it leaves to us is a client
 * that connects and says nothing, and one that has silently gone.
 */
import { constants, type ServerHttp2Session } from 'node:http2';
import type { Clock } from '../core/clock.ts';
import type { GrpcOptions } from './options.ts';

interface Connection {
  /** Its client has sent its settings, which is the first thing that HTTP/2 asks of it. */
  hasSpoken: boolean;
  readonly since: number;
  askedAt: number;
  isAsked: boolean;
}

export class Sessions {
  readonly #options: Pick<GrpcOptions, 'handshakeTimeout' | 'keepAliveInterval' | 'keepAliveTimeout'>;
  readonly #clock: Clock;
  readonly #open = new Map<ServerHttp2Session, Connection>();
  #onEmpty = (): void => {};

  constructor(options: GrpcOptions, clock: Clock) {
    this.#options = options;
    this.#clock = clock;
  }

  get size(): number {
    return this.#open.size;
  }

  add(session: ServerHttp2Session): void {
    const now = this.#clock.now();
    const connection: Connection = { hasSpoken: false, since: now, askedAt: now, isAsked: false };
    this.#open.set(session, connection);
    session.once('remoteSettings', () => {
      connection.hasSpoken = true;
    });
    session.on('close', () => {
      this.#open.delete(session);
      if (this.#open.size === 0) this.#onEmpty();
    });
    // The connection of a client that breaks the protocol or goes away: its streams have heard of it.
    session.on('error', ignore);
    // Windows so large that one message of a usual size needs no round trip.
    session.setLocalWindowSize(CONNECTION_WINDOW_BYTES);
  }

  /** Cuts off clients that do not speak, and asks the others whether they live. */
  check(): void {
    const now = this.#clock.now();
    const { handshakeTimeout, keepAliveInterval, keepAliveTimeout } = this.#options;
    for (const [session, connection] of this.#open) {
      const { hasSpoken, since, askedAt, isAsked } = connection;
      const isMute = !hasSpoken && now - since >= handshakeTimeout;
      if (isMute || (isAsked && now - askedAt >= keepAliveTimeout)) session.destroy();
      else if (hasSpoken && !isAsked && now - askedAt >= keepAliveInterval) ask(session, connection, now);
    }
  }

  /** Asks clients to go on elsewhere; calls that are open go on. */
  sayGoodbye(): void {
    for (const session of this.#open.keys()) if (!session.destroyed) session.goaway(constants.NGHTTP2_NO_ERROR);
  }

  /** Closes each connection when its last call is over. Resolves when all are closed. */
  async close(): Promise<void> {
    if (this.#open.size === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#onEmpty = resolve;
    for (const session of this.#open.keys()) session.close();
    await promise;
  }

  destroy(): void {
    for (const session of this.#open.keys()) session.destroy();
  }
}

function ask(session: ServerHttp2Session, connection: Connection, now: number): void {
  connection.askedAt = now;
  connection.isAsked = session.ping((error) => {
    if (error === null) connection.isAsked = false;
  });
}

export const STREAM_WINDOW_BYTES = 1024 * 1024;
const CONNECTION_WINDOW_BYTES = 8 * STREAM_WINDOW_BYTES;

function ignore(): void {}
