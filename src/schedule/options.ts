/** When a job runs: the only definition of the options under `schedule`. Types, defaults and docs derive from it. */
import * as z from 'zod';
import { duration } from '../core/duration.ts';
import { ServeryError } from '../core/errors.ts';
import { parseCron } from './cron-syntax.ts';
import { parseInstant } from './instant.ts';
import { isZone, openZone } from './zone.ts';

const instant = z.string().describe('ISO 8601; without an offset, in `timezone`.');

const fields = z.strictObject({
  cron: z
    .union([z.string(), z.array(z.string()).min(1).max(100)])
    .optional()
    .describe('A cron expression of 5, 6 (seconds first) or 7 (year last) fields or a macro; or a list of them.'),
  every: duration.optional().describe('A fixed interval of real time, counted from `anchor`.'),
  anchor: instant.optional().describe('For `every`: an instant of the grid. Default: `start`, else 1970-01-01T00:00Z.'),
  at: z.array(instant).min(1).max(100_000).optional().describe('A list of instants.'),
  after: z.string().min(1).optional().describe('The job after whose successful runs this one runs.'),
  timezone: z.string().default('UTC').describe('IANA name of the zone in which the schedule is read.'),
  interval: z
    .union([z.enum(['previousTick', 'sinceLastSuccess', 'none']), duration])
    .optional()
    .describe(
      'The data a run covers: since the previous tick (default for `cron` and `every`), a fixed length such as 24h, ' +
        'since the last success, or none.',
    ),
  delay: duration.prefault('0s').describe('Waits this long after the instant, so that late data can arrive.'),
  jitter: duration.prefault('0s').describe('Spreads starts over this time; the same job and instant wait the same.'),
  allowedLateness: duration.optional().describe('Runs each interval once more, this long after its first run.'),
  start: instant.optional().describe('No data before it is covered; a schedule without intervals fires from it on.'),
  end: instant.optional().describe('No data from it on is covered; a schedule without intervals fires before it.'),
  catchUp: z
    .enum(['none', 'latest', 'all', 'coalesce'])
    .default('latest')
    .describe('Missed instants: none runs, the latest, all of them, or one run over all of their data.'),
  catchUpMaxAge: duration.optional().describe('Missed instants older than this are not caught up with.'),
  catchUpMaxRuns: z.int().min(1).max(100_000).default(1000).describe('Of the missed instants, at most so many run.'),
  overlap: z
    .enum(['skip', 'bufferOne', 'bufferAll', 'cancelOther', 'terminateOther', 'allow'])
    .default('skip')
    .describe('What happens when a run is due while another of the job is not done.'),
  gap: z
    .enum(['after', 'skip', 'shift'])
    .default('after')
    .describe('A fixed time that the clock jumps over: right after the jump, not at all, or later by the jump.'),
  fold: z.enum(['first', 'second', 'both']).default('first').describe('A fixed time that the clock shows twice.'),
});

/** What no single field can say: the texts are readable, and the fields go together. */
export const scheduleOptions = fields.superRefine((options, context) => {
  const report = (path: (string | number)[], problem: () => string | undefined) => {
    const message = problem();
    if (message !== undefined) context.addIssue({ code: 'custom', path, message });
  };
  const { cron, at, anchor, start, end, interval, overlap, catchUp } = options;
  const timezone = isZone(options.timezone) ? options.timezone : 'UTC';
  report(['timezone'], () => problemOf(() => openZone(options.timezone)));
  const expressions = typeof cron === 'string' ? [cron] : (cron ?? []);
  for (const [index, expression] of expressions.entries()) {
    report(typeof cron === 'string' ? ['cron'] : ['cron', index], () => problemOf(() => parseCron(expression)));
  }
  for (const [index, text] of (at ?? []).entries()) {
    report(['at', index], () => problemOf(() => parseInstant(text, timezone)));
  }
  for (const [name, text] of Object.entries({ anchor, start, end })) {
    if (text !== undefined) report([name], () => problemOf(() => parseInstant(text, timezone)));
  }

  const kinds = (['cron', 'every', 'at', 'after'] as const).filter((kind) => options[kind] !== undefined);
  const [kind, second] = kinds;
  const isPeriodic = kind === 'cron' || kind === 'every';
  report([second ?? ''], () => (second === undefined ? undefined : `\`${kind}\` already says when; keep one of them`));
  report(['every'], () => (options.every === 0 ? 'expected a duration of at least 1ms' : undefined));
  report(['anchor'], () => (anchor === undefined || kind === 'every' ? undefined : 'an anchor is for `every` only'));
  report(['interval'], () => {
    if (interval === 'previousTick' && !isPeriodic) return 'only `cron` and `every` have a previous tick';
    if (interval === 0) return 'expected a duration of at least 1ms';
    if (kind === 'after' && interval !== undefined) return 'a run after another job covers what that run covered';
    return undefined;
  });
  if (interval === 'sinceLastSuccess') {
    // Two runs at once, or several in a row, would each cover the data since the same success.
    const overlapping = ['bufferOne', 'bufferAll', 'allow'].includes(overlap);
    report(['overlap'], () => (overlapping ? 'two runs since the same success would cover rows twice' : undefined));
    report(['catchUp'], () =>
      catchUp === 'all' ? 'one run covers all since the last success: say latest' : undefined,
    );
  }
});

function problemOf(read: () => unknown): string | undefined {
  try {
    read();
    return undefined;
  } catch (error) {
    if (!(error instanceof ServeryError)) throw error;
    return `${error.message}. ${error.hint}`;
  }
}

export type ScheduleOptions = z.output<typeof scheduleOptions>;
export type ScheduleOptionsInput = z.input<typeof scheduleOptions>;
export type OverlapPolicy = ScheduleOptions['overlap'];
