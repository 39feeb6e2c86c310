/** A certificate and its key, as they are read. */
import { readFileSync } from 'node:fs';
import { ServeryError } from '../core/errors.ts';
import type { TlsOptions } from './tls-options.ts';

/**
 * @param create makes the server from certificate and key
 * @param option its name, for the message
 * @throws {ServeryError} `CONFIG_INVALID` when they cannot be read, or are not what they should be
 */
export function withCertificate<T>(
  { certFile, keyFile }: TlsOptions,
  option: string,
  create: (pair: { readonly cert: Buffer; readonly key: Buffer }) => T,
): T {
  try {
    return create({ cert: readFileSync(certFile), key: readFileSync(keyFile) });
  } catch (cause) {
    const problem = cause instanceof Error ? cause.message : String(cause);
    throw new ServeryError('CONFIG_INVALID', `Cannot use the certificate of ${option}: ${problem}`, { cause });
  }
}
