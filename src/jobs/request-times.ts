/** Instants and intervals of a request: read in the zone of the job, refused as the request's fault. */
import type { DataInterval } from '../core/data-interval.ts';
import { ServeryError } from '../core/errors.ts';
import { parseInstant, parseInterval } from '../schedule/instant.ts';

/** @throws {ServeryError} `INVALID_REQUEST` */
export function readInstantText(text: string, timezone: string): number {
  return asRequest(() => parseInstant(text, timezone));
}

/** @throws {ServeryError} `INVALID_REQUEST` */
export function readIntervalTexts(
  { start, end }: { readonly start: string; readonly end: string },
  timezone: string,
): DataInterval {
  return asRequest(() => parseInterval(`${start}/${end}`, timezone));
}

function asRequest<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof ServeryError) || error.code !== 'USAGE') throw error;
    throw new ServeryError('INVALID_REQUEST', error.message, { hint: error.hint, cause: error });
  }
}
