/** Addresses to listen on: read from text, judged, and tried before threads share them. */
import { createServer } from 'node:net';
import { ServeryError } from '../core/errors.ts';

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** Reads `127.0.0.1:8080` or `[::1]:8080`; the configuration's schema has checked the form. */
export function parseAddress(text: string): Address {
  const colon = text.lastIndexOf(':');
  return { host: text.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(text.slice(colon + 1)) };
}

export function formatAddress({ host, port }: Address): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

export function isLoopback({ host }: Address): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}

/**
 * Takes the port alone for a moment. Threads that share a port could not tell that somebody else has it:
 * a second server would start silently and get part of the traffic.
 *
 * @returns the address with its port, also when 0 was asked for
 * @throws {ServeryError} `ADDRESS_IN_USE`
 */
export async function reserve(address: Address): Promise<Address> {
  const server = createServer();
  try {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    server.once('error', reject);
    server.listen({ ...address, exclusive: true }, resolve);
    await promise;
    return { host: address.host, port: (server.address() as { port: number }).port };
  } catch (error) {
    throw listenError(address, error);
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
}

const PROBLEMS: Readonly<Record<string, string>> = {
  EACCES: 'this user may not',
  EADDRNOTAVAIL: 'this machine has no such address',
  ENOTFOUND: 'there is no such host',
};

function listenError(address: Address, error: unknown): ServeryError {
  const { code } = error as NodeJS.ErrnoException;
  const where = formatAddress(address);
  if (code === 'EADDRINUSE') return new ServeryError('ADDRESS_IN_USE', `Cannot listen on ${where}: it is in use`);
  const reason = PROBLEMS[code ?? ''] ?? `the system says ${code ?? 'no'}`;
  const hint = 'Choose another address with `--http` or `--grpc`, or in the configuration.';
  return new ServeryError('CONFIG_INVALID', `Cannot listen on ${where}: ${reason}`, { cause: error, hint });
}
