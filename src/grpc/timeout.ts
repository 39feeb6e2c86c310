/** The header `grpc-timeout`: how long the client will wait, as digits and a unit. */
import { ServeryError } from '../core/errors.ts';

const UNIT_MS: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1000, m: 1, u: 1e-3, n: 1e-6 };

/** @returns milliseconds; undefined when the client waits as long as it takes */
export function parseTimeout(header: string | undefined): number | undefined {
  if (header === undefined) return undefined;
  if (/^[0-9]{1,8}[HMSmun]$/.test(header)) return Number(header.slice(0, -1)) * UNIT_MS[header.slice(-1)]!;
  throw new ServeryError('INVALID_REQUEST', 'Cannot use the header grpc-timeout: expected at most 8 digits and a unit');
}
