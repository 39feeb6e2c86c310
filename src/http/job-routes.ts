/** Jobs over HTTP: what there is, when it fires, starting by hand, pause and resume. */
import { ServeryError } from '../core/errors.ts';
import type { RunOrder } from '../jobs/job-api.ts';
import type { HttpDeps } from './deps.ts';
import type { Exchange } from './exchange.ts';
import { readInterval, readNote, readObject, readParams } from './json-body.ts';
import { requireJobs } from './job-deps.ts';
import { pageOf, Query } from './query.ts';
import type { Route } from './route.ts';

const BODY = { mediaTypes: ['application/json'] };
const docs = (summary: string): Route['docs'] => ({ tag: 'Jobs', summary });
const MAX_OCCURRENCES = 1000;

export function jobRoutes(deps: HttpDeps): readonly Route[] {
  return [
    {
      method: 'GET',
      path: '/api/jobs',
      scope: 'jobs',
      docs: docs('All jobs: their next instants, what these cover, and their last runs'),
      async handle(exchange) {
        exchange.json(JSON.stringify(await requireJobs(deps).listJobs(pageOf(new Query(exchange)))));
      },
    },
    {
      method: 'GET',
      path: '/api/jobs/:job',
      scope: 'jobs',
      docs: docs('One job: its definition, what comes next, its latest runs'),
      async handle(exchange) {
        exchange.json(JSON.stringify(await requireJobs(deps).showJob(exchange.param('job'))));
      },
    },
    {
      method: 'GET',
      path: '/api/jobs/:job/next',
      scope: 'jobs',
      docs: docs('What fires next, and what each covers'),
      async handle(exchange) {
        const count = new Query(exchange).integer('count', { min: 1, max: MAX_OCCURRENCES }) ?? 10;
        const job = exchange.param('job');
        const next = await requireJobs(deps).nextOccurrences(job, count);
        exchange.json(JSON.stringify({ job, next }));
      },
    },
    {
      method: 'POST',
      path: '/api/jobs/:job/runs',
      scope: 'jobs',
      body: BODY,
      docs: docs('Run a job now'),
      async handle(exchange) {
        const { run, created } = await requireJobs(deps).startRun(exchange.param('job'), readOrder(exchange));
        const location = ['location', `/api/runs/${encodeURIComponent(run.id)}`];
        exchange.send(created ? 201 : 200, 'application/json', JSON.stringify(run), location);
      },
    },
    {
      method: 'POST',
      path: '/api/jobs/:job/pause',
      scope: 'jobs',
      body: BODY,
      docs: docs('Let a job start no more runs by its schedule'),
      async handle(exchange) {
        const note = readNote(exchange.body);
        exchange.json(JSON.stringify(await requireJobs(deps).pauseJob(exchange.param('job'), note)));
      },
    },
    {
      method: 'POST',
      path: '/api/jobs/:job/resume',
      scope: 'jobs',
      body: BODY,
      docs: docs('Let a paused job start runs again'),
      async handle(exchange) {
        readObject(exchange.body);
        exchange.json(JSON.stringify(await requireJobs(deps).resumeJob(exchange.param('job'))));
      },
    },
  ];
}

function readOrder(exchange: Exchange): RunOrder {
  const body = readObject(exchange.body);
  const request = idempotencyKey(exchange.headers['idempotency-key']);
  const interval = readInterval(body.interval);
  const params = readParams(body.params);
  return {
    ...(interval !== undefined && { interval }),
    ...(params !== undefined && { params }),
    ...(request !== undefined && { request }),
  };
}

/** Bare, or in quotes as the draft of the standard has it. @throws {ServeryError} `INVALID_REQUEST` */
function idempotencyKey(header: string | readonly string[] | undefined): string | undefined {
  if (header === undefined) return undefined;
  const [, key] = /^"?([A-Za-z0-9._~-]{1,64})"?$/.exec(String(header).trim()) ?? [];
  if (key !== undefined) return key;
  throw new ServeryError(
    'INVALID_REQUEST',
    'Cannot use the header Idempotency-Key: expected 1 to 64 letters, digits, ".", "_", "~" and "-"',
  );
}
