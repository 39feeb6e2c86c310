/** `servery cron`: what an expression means, and jobs from a crontab. Neither needs a workspace or a server. */
import { formatInstant } from '../../core/data-interval.ts';
import { ServeryError, quote } from '../../core/errors.ts';
import { explainCron } from '../../schedule/explain.ts';
import { formatLocal, parseInstant } from '../../schedule/instant.ts';
import { table, type Result } from '../output.ts';

export interface ExplainOptions {
  readonly timezone: string;
  /** An instant; without an offset, in `timezone`. Now when absent. */
  readonly from?: string;
  readonly count: string;
}

const MAX_COUNT = 1000;

export function explain(text: string, { timezone, from, count }: ExplainOptions, nowMs: number): Result {
  if (!/^\d+$/.test(count) || Number(count) < 1 || Number(count) > MAX_COUNT) {
    throw new ServeryError('USAGE', `Cannot show ${quote(count)} instants: expected a number from 1 to ${MAX_COUNT}`);
  }
  const fromMs = from === undefined ? nowMs : parseInstant(from, timezone);
  const { expression, description, next, notes, warnings } = explainCron(text, timezone, fromMs, Number(count));
  const rows = next.map(({ atMs, interval }) => [
    formatLocal(atMs, timezone),
    formatInstant(atMs),
    `${formatLocal(interval.startMs, timezone)} to ${formatLocal(interval.endMs, timezone)}`,
  ]);
  const list = rows.length === 0 ? [] : [table([['fires at', 'in UTC', 'covers'], ...rows])];
  const remarks = [...warnings.map((warning) => `Warning: ${warning}`), ...notes];
  return {
    value: {
      ...{ expression, timezone, description },
      next: next.map(({ atMs, interval: { startMs, endMs } }) => ({
        at: formatInstant(atMs),
        interval: { start: formatInstant(startMs), end: formatInstant(endMs) },
      })),
      ...{ notes, warnings },
    },
    text: [`${description} (${timezone})`, ...list, ...(remarks.length === 0 ? [] : [remarks.join('\n')])].join('\n\n'),
  };
}
