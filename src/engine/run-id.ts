/**
 * A run's id, made from its key alone: whoever asks for the same run, in any process and after any crash, gets the
 * same id, and the store's unique index does the rest.
 *
 *     nightly-churn~20261122T110000Z-20261123T110000Z~schedule
 *     hourly~20261123T110000Z~schedule                            no data interval: the scheduled instant
 *     report~manual.4f1c2a                                        neither
 *
 * Letters, digits and `~ - _ .` only: it is a path segment of URLs, a folder name and an environment variable.
 */
import { createHash } from 'node:crypto';
import { compactInstant, compactInterval } from '../core/data-interval.ts';
import type { RunKey } from './run.ts';

export function runId({ job, interval, scheduledForMs, cause }: RunKey): string {
  const [kind = '', ...rest] = cause.split('/');
  const origin = rest.length > 0 ? `${kind}.${safe(rest.join('/'))}` : kind;
  const when = interval
    ? compactInterval(interval)
    : scheduledForMs !== undefined
      ? compactInstant(scheduledForMs)
      : '';
  return [job, when, origin].filter(Boolean).join('~');
}

/** What a client chose as a request's name may be anything; then its hash stands for it. */
function safe(text: string): string {
  return /^[A-Za-z0-9_-]{1,64}$/.test(text)
    ? text
    : `h-${createHash('sha256').update(text).digest('hex').slice(0, 32)}`;
}
