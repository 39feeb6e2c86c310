/** Runs over HTTP: lists, one run with its steps and why it waits, cancel and retry. */
import { RUN_STATES } from '../jobs/job-api.ts';
import type { HttpDeps } from './deps.ts';
import { readNote, readObject } from './json-body.ts';
import { requireJobs } from './job-deps.ts';
import { pageOf, Query } from './query.ts';
import type { Route } from './route.ts';

const BODY = { mediaTypes: ['application/json'] };
const docs = (summary: string): Route['docs'] => ({ tag: 'Runs', summary });

export function runRoutes(deps: HttpDeps): readonly Route[] {
  return [
    {
      method: 'GET',
      path: '/api/runs',
      scope: 'jobs',
      docs: docs('Runs, the latest first'),
      async handle(exchange) {
        const query = new Query(exchange);
        const states = query.list('state', RUN_STATES);
        const texts = { job: query.text('job'), from: query.text('from'), to: query.text('to') };
        const page = await requireJobs(deps).listRuns({
          ...pageOf(query),
          ...(states !== undefined && { states }),
          ...definedOf(texts),
        });
        exchange.json(JSON.stringify(page));
      },
    },
    {
      method: 'GET',
      path: '/api/runs/:run',
      scope: 'jobs',
      docs: docs('One run: steps, attempts, chunks, rows, timings, and why it waits'),
      async handle(exchange) {
        exchange.json(JSON.stringify(await requireJobs(deps).showRun(exchange.param('run'))));
      },
    },
    {
      method: 'POST',
      path: '/api/runs/:run/cancel',
      scope: 'jobs',
      body: BODY,
      docs: docs('Cancel a run'),
      async handle(exchange) {
        const note = readNote(exchange.body);
        exchange.json(JSON.stringify(await requireJobs(deps).cancelRun(exchange.param('run'), note)));
      },
    },
    {
      method: 'POST',
      path: '/api/runs/:run/retry',
      scope: 'jobs',
      body: BODY,
      docs: docs('Add an attempt to a run that has ended'),
      async handle(exchange) {
        readObject(exchange.body);
        exchange.json(JSON.stringify(await requireJobs(deps).retryRun(exchange.param('run'))));
      },
    },
  ];
}

/** Without what is undefined. */
export function definedOf<T extends object>(values: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as never;
}
