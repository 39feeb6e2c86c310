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
  schedule: { type: 'string', description: 'In words.' },
  steps: listOf(text),
  paused: orNull(objectOf({ note: text, since: instant })),
  next: orNull(componentRef('Occurrence')),
  lastRun: orNull(componentRef('Run')),
  active: count,
};

const attempt = objectOf(
  { attempt: count, state: text, startedAt: orNull(instant), finishedAt: orNull(instant), error: failure },
  open,
);

const step = objectOf(
  {
    name: text,
    state: text,
    rows,
    totalRows: orNull(count),
    chunks: objectOf({ committed: count, planned: orNull(count) }),
    attempts: listOf(attempt),
    result: anything,
  },
  open,
);

export const JOB_SCHEMAS: Readonly<Record<string, Schema>> = {
  Interval: { ...objectOf({ start: instant, end: instant }), description: 'Half-open: `[start, end)`.' },
  RowCounts: objectOf({ in: count, out: count, bad: count }, { optional: { nulled: count } }),
  Occurrence: objectOf({ scheduledFor: instant, firesAt: instant, interval }, open),
  Run: objectOf(run, open),
  RunPage: objectOf({ runs: listOf(componentRef('Run')), nextCursor: orNull(text) }, open),
  RunDetails: objectOf(
    {
      ...run,
      model: orNull(objectOf({ name: text, version: count }, open)),
      outputs: listOf(text),
      badRows: listOf(text),
      params: { type: 'object' },
      priority: { type: 'integer' },
      pool: text,
      waiting: { type: ['string', 'null'], description: 'Why it is not running; null when it is, or has ended.' },
      pinned: objectOf({ definitionHash: text, definition: anything, facts: { type: 'object' } }, open),
      worker: orNull(text),
      steps: listOf(step),
    },
    open,
  ),
  Job: objectOf(job, open),
  JobPage: objectOf({ jobs: listOf(componentRef('Job')), nextCursor: orNull(text) }, open),
  JobDetails: objectOf(
    {
      ...job,
      timezone: text,
      definition: anything,
      definitionHash: text,
      upcoming: listOf(componentRef('Occurrence')),
      runs: listOf(componentRef('Run')),
      suppressed: listOf(objectOf({ scheduledFor: instant, interval, reason: text }, open)),
    },
    open,
  ),
  Occurrences: objectOf({ job: text, next: listOf(componentRef('Occurrence')) }),
  Backfill: objectOf(
    {
      id: text,
      job: text,
      state: { enum: ['running', 'paused', 'cancelled', 'finished'] },
      range: componentRef('Interval'),
      order: text,
      parallel: count,
      reprocess: text,
      createdAt: instant,
      total: count,
      counts: { type: 'object', additionalProperties: count },
    },
    open,
  ),
  BackfillPage: objectOf({ backfills: listOf(componentRef('Backfill')), nextCursor: orNull(text) }, open),
  BackfillPlan: objectOf(
    { job: text, intervals: listOf(componentRef('Interval')), skipped: listOf(componentRef('Interval')) },
    open,
  ),
  JobEvent: {
    ...objectOf({ id: count, at: instant, type: text, job: orNull(text), run: orNull(text), details: anything }, open),
    description: 'The `data` of each event.',
  },
  LogEvent: {
    ...objectOf({ step: orNull(text), attempt: orNull(count) }, { optional: { text }, open: true }),
    description: 'The `data` of each event: `log` with text, and `end` when nothing more will come.',
  },
};
