/**
 * What goes on while it is watched: events of jobs and runs, and what a step prints, as server-sent events.
 *
 * Each stream asks for one page at a time and waits until its client has taken it, so that nothing piles up
 * for a slow one.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { JobApi, LogPiece, LogQuery } from '../jobs/job-api.ts';
import type { HttpDeps } from './deps.ts';
import { StreamSlots, type EventStream } from './event-stream.ts';
import type { Exchange } from './exchange.ts';
import { requireJobs } from './job-deps.ts';
import { Query, unfitParameter } from './query.ts';
import type { Route } from './route.ts';
import { definedOf } from './run-routes.ts';

/** How long a page may be waited for; a client that has left is noticed after it at the latest. */
const PAGE_WAIT_MS = 2000;
const EVENTS_OF_PAGE = 100;
const MAX_LOG_BYTES = 1024 * 1024;
const LOG_PAGE_BYTES = 64 * 1024;
const LOG_POLL_MS = 300;
const LARGEST_NUMBER = 999_999_999_999_999;

export function streamRoutes(deps: HttpDeps): readonly Route[] {
  const slots = new StreamSlots(deps.options.maxStreams);
  return [
    {
      method: 'GET',
      path: '/api/events',
      scope: 'jobs',
      docs: { tag: 'Runs', summary: 'What happens to jobs and runs, as server-sent events' },
      async handle(exchange) {
        const jobs = requireJobs(deps);
        const query = new Query(exchange);
        const filter = definedOf({ job: query.text('job'), run: query.text('run') });
        const after = lastEventId(exchange) ?? query.integer('after', { min: 0, max: LARGEST_NUMBER });
        using _slot = slots.take();
        // Asked before the stream opens, so that what does not exist is refused in words.
        let page = await jobs.readEvents({ ...filter, ...(after !== undefined && { after }), ...FIRST_PAGE });
        const stream = exchange.openStream();
        while (stream?.isOpen === true) {
          await stream.send(
            page.events.map((event) => ({ id: event.id, event: event.kind, data: JSON.stringify(event) })),
          );
          if (!stream.isOpen) break;
          page = await orEnd(stream, jobs.readEvents({ ...filter, after: page.lastId, ...NEXT_PAGE }));
        }
      },
    },
    {
      method: 'GET',
      path: '/api/runs/:run/logs',
      scope: 'jobs',
      docs: { tag: 'Runs', summary: 'What a step printed: as text, or while it goes on as server-sent events' },
      async handle(exchange) {
        const jobs = requireJobs(deps);
        const query = new Query(exchange);
        const wanted = {
          run: exchange.param('run'),
          ...definedOf({
            step: query.text('step'),
            attempt: query.integer('attempt', { min: 1, max: LARGEST_NUMBER }),
          }),
        };
        const offset = lastEventId(exchange) ?? query.integer('offset', { min: 0, max: LARGEST_NUMBER }) ?? 0;
        const wantsStream = query.flag('follow') || (exchange.headers.accept ?? '').includes('text/event-stream');
        if (wantsStream) {
          using _slot = slots.take();
          await followLog(exchange, jobs, { ...wanted, offset, maxBytes: LOG_PAGE_BYTES });
          return;
        }
        const maxBytes = query.integer('limit', { min: 4, max: MAX_LOG_BYTES }) ?? MAX_LOG_BYTES;
        const piece = await jobs.readLog({ ...wanted, offset, maxBytes });
        exchange.send(200, 'text/plain; charset=utf-8', piece.text, logHeaders(piece));
      },
    },
  ];
}

const FIRST_PAGE = { limit: EVENTS_OF_PAGE, waitMs: 0 };
const NEXT_PAGE = { limit: EVENTS_OF_PAGE, waitMs: PAGE_WAIT_MS };

async function followLog(exchange: Exchange, jobs: JobApi, query: LogQuery): Promise<void> {
  let piece = await jobs.readLog(query);
  const stream = exchange.openStream();
  while (stream?.isOpen === true) {
    const { text, nextOffset, step, attempt } = piece;
    await stream.send(
      text === '' ? [] : [{ id: nextOffset, event: 'log', data: JSON.stringify({ step, attempt, text }) }],
    );
    if (piece.isComplete) {
      await stream.send([{ id: nextOffset, event: 'end', data: JSON.stringify({ step, attempt }) }]);
      stream.end();
      return;
    }
    if (text === '') await Promise.race([sleep(LOG_POLL_MS), stream.ended]);
    if (!stream.isOpen) return;
    // The same step and attempt, also when another has begun meanwhile.
    const same = { ...(step !== null && { step }), ...(attempt !== null && { attempt }) };
    piece = await orEnd(stream, jobs.readLog({ ...query, ...same, offset: nextOffset }));
  }
}

/** Names and values in turn. */
function logHeaders({ step, attempt, nextOffset, isComplete }: LogPiece): readonly string[] {
  // prettier-ignore
  return [
    'servery-log-offset', String(nextOffset),
    'servery-log-complete', String(isComplete),
    ...(step === null ? [] : ['servery-log-step', step]),
    ...(attempt === null ? [] : ['servery-log-attempt', String(attempt)]),
  ];
}

/** A stream has no way to say what went wrong but its end: the client comes back and is told then. */
async function orEnd<T>(stream: EventStream, answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    stream.end();
    throw error;
  }
}

/** Where a client that was cut off goes on. */
function lastEventId({ headers }: Exchange): number | undefined {
  const text = headers['last-event-id'];
  if (text === undefined || text === '') return undefined;
  if (typeof text === 'string' && /^[0-9]{1,15}$/.test(text)) return Number(text);
  throw unfitParameter('Last-Event-ID', 'the id of an event of this stream');
}
