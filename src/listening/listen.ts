/** Opening and closing a port, the same for every door. */
import type { AddressInfo, Server } from 'node:net';
import { ServeryError } from '../core/errors.ts';

export interface ListenOptions {
  readonly host: string;
  /** 0 picks one. */
  readonly port: number;
  /** Other threads listen on the same port. */
  readonly reusePort?: boolean;
}

/** @throws {ServeryError} `ADDRESS_IN_USE` */
export function listenOn(server: Server, { host, port, reusePort = false }: ListenOptions): Promise<AddressInfo> {
  const { promise, resolve, reject } = Promise.withResolvers<AddressInfo>();
  server.once('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EADDRINUSE') reject(error);
    else {
      const problem = `another server listens on ${host}:${port}`;
      reject(new ServeryError('ADDRESS_IN_USE', `Cannot listen: ${problem}`, { cause: error }));
    }
  });
  server.listen({ host, port, reusePort }, () => {
    server.removeAllListeners('error');
    resolve(server.address() as AddressInfo);
  });
  return promise;
}

/** Takes no new connections; resolves when the last one is closed. */
export function closeListener(server: Server): Promise<void> {
  if (!server.listening) return Promise.resolve();
  const { promise, resolve } = Promise.withResolvers<void>();
  server.close(() => resolve());
  return promise;
}
