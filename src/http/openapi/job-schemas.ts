/** Schemas of what the doors of jobs and runs answer: the types of jobs/job-api.ts. */
import { RUN_STATES } from '../../jobs/job-api.ts';
import { componentRef, listOf, objectOf, type Schema } from './json-schema.ts';

const text = { type: 'string' };
const count = { type: 'integer', minimum: 0 };
const instant = { type: 'string', format: 'date-time' };
const anything: Schema = {};
const orNull = (schema: Schema): Schema => ({ anyOf: [schema, { type: 'null' }] });
const open = { open: true };

const interval = orNull(componentRef('Interval'));
const rows = orNull(componentRef('RowCounts'));
const failure = orNull(objectOf({ code: text, message: text }, open));

const run = {
  id: text,
  job: text,
  state: { enum: RUN_STATES },
  cause: { type: 'string', description: '`schedule`, `late/N`, `backfill/ID` or `manual/REQUEST`.' },
  interval,
  scheduledFor: orNull(instant),
  createdAt: instant,
  startedAt: orNull(instant),
  finishedAt: orNull(instant),
  attempt: count,
  rows,
  error: failure,
};

const job = {
  name: text,
  description: text,
  configured: { type: 'boolean' },
  timezone: text,
  schedule: {
    type: 'string',
    description: 'As it is written: `cron 0 20 * * * (Asia/Seoul)`, `every 30m`, `by hand`.',
  },
  scheduleInWords: { type: 'string', description: 'For people: `At 20:00, every day (Asia/Seoul)`.' },
  steps: listOf(text),
  paused: orNull(objectOf({ note: text, since: instant })),
  next: orNull(componentRef('Occurrence')),
  lastRun: orNull(componentRef('Run')),
  active: count,
};

const times = { startedAt: orNull(instant), finishedAt: orNull(instant) };
const attempt = objectOf({ attempt: count, state: text, worker: text, ...times, error: failure }, open);
const files = {
  model: orNull(objectOf({ name: text, version: count }, open)),
  outputs: listOf(text),
  badRows: listOf(text),
};
const step = objectOf(
  {
    name: text,
    attempt: orNull(count),
    state: text,
    ...times,
    rows,
    ...files,
    chunks: orNull(objectOf({ committed: count, planned: orNull(count) })),
    error: failure,
    result: anything,
    details: anything,
  },
  open,
);
const counts = { total: count, skipped: count, pending: count, active: count, succeeded: count, failed: count };

export const JOB_SCHEMAS: Readonly<Record<string, Schema>> = {
  Interval: { ...objectOf({ start: instant, end: instant }), description: 'Half-open: `[start, end)`.' },
  RowCounts: objectOf({ in: count, out: count, bad: count }, { optional: { nulled: count } }),
  Occurrence: objectOf({ scheduledFor: instant, firesAt: instant, interval }, open),
  Run: objectOf(run, open),
  RunPage: objectOf({ runs: listOf(componentRef('Run')), nextCursor: orNull(text) }, open),
  RunDetails: objectOf(
    {
      ...run,
      ...files,
      params: anything,
      priority: { type: 'integer' },
      pool: text,
      waiting: {
        ...listOf(objectOf({ kind: text, message: text }, open)),
        description: 'Everything that keeps it from running; empty when it runs, or has ended.',
      },
      progress: anything,
      cancel: orNull(objectOf({ reason: text, at: instant }, open)),
      pinned: objectOf({ definitionHash: text, definition: anything, facts: { type: 'object' } }, open),
      worker: orNull(text),
      attempts: listOf(attempt),
      steps: listOf(step),
    },
    open,
  ),
  Job: objectOf(job, open),
  JobPage: objectOf({ jobs: listOf(componentRef('Job')), nextCursor: orNull(text) }, open),
  JobDetails: objectOf(
    {
      ...job,
      definition: anything,
      definitionHash: text,
      upcoming: listOf(componentRef('Occurrence')),
      runs: listOf(componentRef('Run')),
      suppressed: listOf(objectOf({ scheduledFor: instant, until: instant, interval, reason: text }, open)),
    },
    open,
  ),
  Occurrences: objectOf({ job: text, next: listOf(componentRef('Occurrence')) }),
  Backfill: objectOf(
    {
      id: text,
      job: text,
      state: { enum: ['running', 'paused', 'succeeded', 'failed', 'cancelled'] },
      note: orNull(text),
      range: interval,
      order: { enum: ['oldest', 'newest'] },
      parallel: count,
      reprocess: { enum: ['none', 'failed', 'all'] },
      params: anything,
      priority: { type: 'integer' },
      createdAt: instant,
      finishedAt: orNull(instant),
      intervals: objectOf({ ...counts, cancelled: count }, open),
    },
    open,
  ),
  BackfillPage: objectOf({ backfills: listOf(componentRef('Backfill')), nextCursor: orNull(text) }, open),
  BackfillPlan: objectOf(
    { job: text, intervals: listOf(componentRef('Interval')), skipped: listOf(componentRef('Interval')) },
    open,
  ),
  JobEvent: {
    ...objectOf({ id: count, at: instant, kind: text, job: orNull(text), run: orNull(text), data: anything }, open),
    description: 'The `data` of each event.',
  },
  LogEvent: {
    ...objectOf({ step: orNull(text), attempt: orNull(count) }, { optional: { text }, open: true }),
    description: 'The `data` of each event: `log` with text, and `end` when nothing more will come.',
  },
};
