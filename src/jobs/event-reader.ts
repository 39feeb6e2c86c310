/**
 * Events for whoever follows them: asked for a page, it waits a while for the first when there is none.
 *
 * The engine only says that something was committed; a reader then looks, but not more often than a person could
 * notice, however busy the engine is.
 */
import type { Clock } from '../core/clock.ts';
import type { Engine } from '../engine/engine.ts';
import type { EventPage, EventQuery } from './job-api.ts';
import { viewEvent } from './run-views.ts';

const SHORTEST_PAUSE_MS = 100;

export async function readJobEvents(engine: Engine, clock: Clock, query: EventQuery): Promise<EventPage> {
  const { after, job, run, limit, waitMs } = query;
  if (after === undefined) return { events: [], lastId: await engine.lastEventId() };
  const wanted = { afterId: after, limit, job, runId: run };
  const giveUpMs = clock.now() + waitMs;
  for (;;) {
    // Listened to before looking: what comes in between is not missed.
    using commit = nextCommit(engine, clock, giveUpMs - clock.now());
    const events = await engine.events(wanted);
    if (events.length > 0 || clock.now() >= giveUpMs) {
      return { events: events.map(viewEvent), lastId: events.at(-1)?.id ?? after };
    }
    await commit.promise;
    await pause(clock, Math.min(SHORTEST_PAUSE_MS, Math.max(0, giveUpMs - clock.now())));
  }
}

function nextCommit(engine: Engine, clock: Clock, waitMs: number): Disposable & { readonly promise: Promise<void> } {
  const { promise, resolve } = Promise.withResolvers<void>();
  const watch = engine.watch(resolve);
  const timer = clock.after(Math.max(0, waitMs), resolve);
  return {
    promise,
    [Symbol.dispose]() {
      watch[Symbol.dispose]();
      timer[Symbol.dispose]();
    },
  };
}

function pause(clock: Clock, delayMs: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  clock.after(delayMs, resolve);
  return promise;
}
