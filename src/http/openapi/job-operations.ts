/** What the routes of jobs, runs and backfills take and give; see server-operations.ts. */
import { RUN_STATES } from '../../jobs/job-api.ts';
import type { Parameter, Response } from './document.ts';
import { componentRef, listOf, objectOf, type Schema } from './json-schema.ts';
import type { RouteDescription } from './server-operations.ts';

const json = (schema: string, description: string): Response => ({
  description,
  content: { 'application/json': { schema: componentRef(schema) } },
});
const text = { type: 'string' };
const instant = { type: 'string', description: 'ISO 8601; without an offset, in the zone of the job.' };

function queryParameter(name: string, schema: Schema, description: string): Parameter {
  return { name, in: 'query', required: false, description, schema };
}

const PAGE = [
  queryParameter('limit', { type: 'integer', minimum: 1, maximum: 1000, default: 50 }, 'Most entries of the page.'),
  queryParameter('cursor', text, 'The `nextCursor` of the page before.'),
];
const JOB = queryParameter('job', text, 'Only of this job.');
const LARGEST = 999_999_999_999_999;
const LAST_EVENT_ID: Parameter = {
  name: 'Last-Event-ID',
  in: 'header',
  required: false,
  description: 'The last event that the client has, after a connection was lost.',
  schema: { type: 'integer', minimum: 0, maximum: LARGEST },
};

/** One event of a stream, whose data is JSON. */
function sentEvent(schema: string): Schema {
  const data = { type: 'string', contentMediaType: 'application/json', contentSchema: componentRef(schema) };
  return objectOf({ data }, { optional: { id: text, event: text }, open: true });
}

const read = (schema: string, description: string, ...failures: number[]): RouteDescription => ({
  answers: { 200: json(schema, description) },
  failures,
});
const change = (schema: string, description: string): RouteDescription => ({
  body: objectOf({}, { optional: { note: { type: 'string', maxLength: 1000, description: 'Why.' } }, open: true }),
  isBodyOptional: true,
  answers: { 200: json(schema, description) },
  failures: [400, 404, 409, 413, 415],
});
const params = { type: 'object', description: 'Parameters of the job, as its schema has them.' };

export const JOB_DESCRIPTIONS: Readonly<Record<string, RouteDescription>> = {
  'GET /api/jobs': { ...read('JobPage', 'The jobs, by name.', 400), parameters: PAGE },
  'GET /api/jobs/:job': read('JobDetails', 'The job.', 404),
  'GET /api/jobs/:job/next': {
    ...read('Occurrences', 'What fires next.', 400, 404),
    parameters: [
      queryParameter('count', { type: 'integer', minimum: 1, maximum: 1000, default: 10 }, 'Most occurrences.'),
    ],
  },
  'POST /api/jobs/:job/runs': {
    body: objectOf(
      {},
      {
        optional: {
          interval: {
            anyOf: [objectOf({ start: instant, end: instant }), { type: 'string', description: 'START/END' }],
            description: 'What to cover. Default: what the latest occurrence of the schedule covers.',
          },
          params,
        },
        open: true,
      },
    ),
    bodyExample: {},
    isBodyOptional: true,
    parameters: [
      {
        name: 'Idempotency-Key',
        in: 'header',
        required: false,
        description: 'The same key of the same job is the same run, however often it is sent.',
        schema: { type: 'string', pattern: '^[A-Za-z0-9._~-]{1,64}$' },
      },
    ],
    answers: { 200: json('RunDetails', 'The key was known: its run.'), 201: json('RunDetails', 'The new run.') },
    failures: [400, 404, 409, 413, 415, 503],
  },
  'POST /api/jobs/:job/pause': change('JobDetails', 'The job, paused.'),
  'POST /api/jobs/:job/resume': change('JobDetails', 'The job, no longer paused.'),
  'POST /api/jobs/:job/backfills': {
    body: objectOf(
      { start: instant, end: instant },
      {
        optional: {
          order: { enum: ['oldest', 'newest'], default: 'oldest' },
          parallel: { type: 'integer', minimum: 1, maximum: 1000, default: 1 },
          reprocess: { enum: ['none', 'failed', 'all'], default: 'none' },
          params,
          dryRun: { type: 'boolean', default: false, description: 'Lists the intervals and changes nothing.' },
        },
        open: true,
      },
    ),
    bodyExample: { start: '2026-11-01T00:00:00Z', end: '2026-11-02T00:00:00Z', dryRun: true },
    answers: {
      200: json('BackfillPlan', 'What it would do, with `dryRun`.'),
      201: json('Backfill', 'The new backfill.'),
    },
    failures: [400, 404, 409, 413, 415],
  },
  'GET /api/runs': {
    ...read('RunPage', 'The runs, the latest first.', 400, 404),
    parameters: [
      JOB,
      queryParameter('state', listOf({ enum: RUN_STATES }), 'Only in one of these states.'),
      queryParameter('from', instant, 'Only those added at this instant or later.'),
      queryParameter('to', instant, 'Only those added before this instant.'),
      ...PAGE,
    ],
  },
  'GET /api/runs/:run': read('RunDetails', 'The run.', 404),
  'POST /api/runs/:run/cancel': change('RunDetails', 'The run; it ends as soon as its worker has seen it.'),
  'POST /api/runs/:run/retry': change('RunDetails', 'The run, queued again.'),
  'GET /api/runs/:run/logs': {
    parameters: [
      queryParameter('step', text, 'Default: the step that started last.'),
      queryParameter('attempt', { type: 'integer', minimum: 1, maximum: LARGEST }, 'Default: the latest.'),
      queryParameter('offset', { type: 'integer', minimum: 0, maximum: LARGEST }, 'Bytes to leave out.'),
      queryParameter('limit', { type: 'integer', minimum: 4, maximum: 1_048_576 }, 'Most bytes of text.'),
      queryParameter('follow', { type: 'boolean', default: false }, 'Server-sent events, as `Accept` may ask, too.'),
      LAST_EVENT_ID,
    ],
    answers: {
      200: {
        description: 'What was printed.',
        headers: {
          'Servery-Log-Offset': { description: 'Where the text goes on.', schema: { type: 'integer' } },
          'Servery-Log-Complete': { description: 'Whether nothing more will come.', schema: { type: 'boolean' } },
        },
        content: {
          'text/plain': { schema: text },
          'text/event-stream': { schema: sentEvent('LogEvent') },
        },
      },
    },
    failures: [400, 404, 503],
  },
  'GET /api/events': {
    parameters: [
      JOB,
      queryParameter('run', text, 'Only of this run.'),
      queryParameter('after', { type: 'integer', minimum: 0, maximum: LARGEST }, 'Events after this one.'),
      LAST_EVENT_ID,
    ],
    answers: {
      200: {
        description: 'Events, until the client ends it. Without `after` and `Last-Event-ID`: from now on.',
        content: { 'text/event-stream': { schema: sentEvent('JobEvent') } },
      },
    },
    failures: [400, 404, 503],
  },
  'GET /api/backfills': {
    ...read('BackfillPage', 'The backfills, the latest first.', 400, 404),
    parameters: [JOB, ...PAGE],
  },
  'GET /api/backfills/:backfill': read('Backfill', 'The backfill.', 404),
  'POST /api/backfills/:backfill/pause': change('Backfill', 'The backfill, paused.'),
  'POST /api/backfills/:backfill/resume': change('Backfill', 'The backfill, going on.'),
  'POST /api/backfills/:backfill/cancel': change('Backfill', 'The backfill, cancelled.'),
};
