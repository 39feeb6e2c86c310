/** Backfills over HTTP: a range of past intervals as an object of its own. */
import type { BackfillOrder } from '../jobs/job-api.ts';
import type { HttpDeps } from './deps.ts';
import { isText, readNote, readObject, readParams, unfitMember } from './json-body.ts';
import { requireJobs } from './job-deps.ts';
import { pageOf, Query } from './query.ts';
import type { Route } from './route.ts';

const BODY = { mediaTypes: ['application/json'] };
const docs = (summary: string): Route['docs'] => ({ tag: 'Backfills', summary });
const ORDERS = ['oldest', 'newest'] as const;
const REPROCESS = ['none', 'failed', 'all'] as const;
const MAX_PARALLEL = 1000;

export function backfillRoutes(deps: HttpDeps): readonly Route[] {
  return [
    {
      method: 'POST',
      path: '/api/jobs/:job/backfills',
      scope: 'jobs',
      body: BODY,
      docs: docs('Run a job for past intervals, or list them with `dryRun`'),
      async handle(exchange) {
        const jobs = requireJobs(deps);
        const name = exchange.param('job');
        const body = readObject(exchange.body);
        const { dryRun = false } = body;
        if (typeof dryRun !== 'boolean') throw unfitMember('dryRun', 'true or false');
        const order = readOrder(body);
        if (dryRun) exchange.json(JSON.stringify(await jobs.planBackfill(name, order)));
        else {
          const backfill = await jobs.createBackfill(name, order);
          const location = ['location', `/api/backfills/${encodeURIComponent(backfill.id)}`];
          exchange.send(201, 'application/json', JSON.stringify(backfill), location);
        }
      },
    },
    {
      method: 'GET',
      path: '/api/backfills',
      scope: 'jobs',
      docs: docs('Backfills, the latest first'),
      async handle(exchange) {
        const query = new Query(exchange);
        const job = query.text('job');
        const page = await requireJobs(deps).listBackfills({ ...pageOf(query), ...(job !== undefined && { job }) });
        exchange.json(JSON.stringify(page));
      },
    },
    {
      method: 'GET',
      path: '/api/backfills/:backfill',
      scope: 'jobs',
      docs: docs('One backfill and how far it is'),
      async handle(exchange) {
        exchange.json(JSON.stringify(await requireJobs(deps).showBackfill(exchange.param('backfill'))));
      },
    },
    ...(['pause', 'resume', 'cancel'] as const).map((change): Route => ({
      method: 'POST',
      path: `/api/backfills/:backfill/${change}`,
      scope: 'jobs',
      body: BODY,
      docs: docs(CHANGES[change]),
      async handle(exchange) {
        const note = readNote(exchange.body);
        const backfill = await requireJobs(deps).changeBackfill(exchange.param('backfill'), change, note);
        exchange.json(JSON.stringify(backfill));
      },
    })),
  ];
}

const CHANGES = {
  pause: 'Let a backfill start no more runs for now',
  resume: 'Let a paused backfill go on',
  cancel: 'End a backfill and cancel its runs',
};

function readOrder(body: Readonly<Record<string, unknown>>): BackfillOrder {
  const { start, end, order = 'oldest', parallel = 1, reprocess = 'none' } = body;
  if (!isText(start)) throw unfitMember('start', 'an instant');
  if (!isText(end)) throw unfitMember('end', 'an instant');
  if (!isOneOf(order, ORDERS)) throw unfitMember('order', ORDERS.join(' or '));
  if (!isOneOf(reprocess, REPROCESS)) throw unfitMember('reprocess', REPROCESS.join(', '));
  if (typeof parallel !== 'number' || !Number.isInteger(parallel) || parallel < 1 || parallel > MAX_PARALLEL) {
    throw unfitMember('parallel', `an integer from 1 to ${MAX_PARALLEL}`);
  }
  const params = readParams(body.params);
  return { start, end, order, parallel, reprocess, ...(params !== undefined && { params }) };
}

function isOneOf<T extends string>(value: unknown, values: readonly T[]): value is T {
  return (values as readonly unknown[]).includes(value);
}
