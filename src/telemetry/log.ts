/**
 * Turns what a thread announces into lines of its log.
 *
 * Requests are logged when asked for; those that failed through no fault of the client always are, but not
 * without bound: writing is synchronous, and a model that fails on everything must not stop the server too.
 */
import { systemClock, type Clock } from '../core/clock.ts';
import type { ErrorCode } from '../core/errors.ts';
import {
  handlerRestarted,
  notice,
  requestDone,
  versionStateChanged,
  type RequestDone,
  type VersionState,
} from '../core/events.ts';
import type { Logger } from './logger.ts';
import type { LogOptions } from './options.ts';

export { createLogger } from './logger.ts';

/** Codes whose cause only the log can tell. */
const FAULTS: ReadonlySet<ErrorCode | 'OK'> = new Set(['INTERNAL', 'MODEL_FAILED', 'HANDLER_FAILED']);
const TROUBLE: ReadonlySet<VersionState> = new Set(['failed', 'stuck']);
/** Lines about failed requests that one thread writes in a second; the others are counted. */
const FAULTS_PER_SECOND = 20;

export interface LogEventsOptions extends Pick<LogOptions, 'requests'> {
  readonly clock?: Clock;
}

/** Writes until it is disposed. */
export function logEvents(logger: Logger, { requests, clock = systemClock }: LogEventsOptions): Disposable {
  const limit = new LineLimit(FAULTS_PER_SECOND, clock, (count) =>
    logger.warn({ count }, 'More requests failed than the log has lines for'),
  );
  using subscriptions = new DisposableStack();
  subscriptions.use(limit);
  subscriptions.use(
    notice.subscribe(({ level, message, model, error }) => {
      logger[level]({ ...(model && modelFields(model)), ...(error === undefined ? {} : { error }) }, message);
    }),
  );
  subscriptions.use(
    versionStateChanged.subscribe(({ model, state, reason }) => {
      const fields = { ...modelFields(model), state, ...(reason === '' ? {} : { reason }) };
      logger[TROUBLE.has(state) ? 'warn' : 'info'](fields, `Version is ${state}`);
    }),
  );
  subscriptions.use(
    handlerRestarted.subscribe(({ model, cause }) => {
      logger.warn({ ...modelFields(model), cause }, 'A handler thread was ended and replaced');
    }),
  );
  subscriptions.use(
    requestDone.subscribe((done) => {
      if (FAULTS.has(done.code)) {
        if (limit.take()) logger.error({ ...requestFields(done), error: done.error }, 'Request failed');
      } else if (requests) logger.info(requestFields(done), 'Request');
    }),
  );
  return subscriptions.move();
}

function modelFields({ name, version }: { readonly name: string; readonly version?: number }): object {
  return version === undefined ? { model: name } : { model: name, version };
}

function requestFields(done: RequestDone): object {
  const { requestId, traceparent, door, method, route, status, code, totalMs, model } = done;
  return {
    requestId,
    ...(traceparent === undefined ? {} : { traceId: traceparent.split('-')[1] }),
    door,
    method,
    route,
    status,
    code,
    ms: Math.round(totalMs * 1000) / 1000,
    ...(model && modelFields(model)),
  };
}

/** Lets a number of lines through each second, and says how many it held back. */
class LineLimit implements Disposable {
  readonly #perSecond: number;
  readonly #clock: Clock;
  readonly #report: (heldBack: number) => void;
  #timer: Disposable | undefined;
  #lines = 0;

  constructor(perSecond: number, clock: Clock, report: (heldBack: number) => void) {
    this.#perSecond = perSecond;
    this.#clock = clock;
    this.#report = report;
  }

  take(): boolean {
    this.#timer ??= this.#clock.after(1000, () => this.#endSecond());
    this.#lines += 1;
    return this.#lines <= this.#perSecond;
  }

  [Symbol.dispose](): void {
    this.#timer?.[Symbol.dispose]();
    this.#endSecond();
  }

  #endSecond(): void {
    const heldBack = this.#lines - this.#perSecond;
    this.#timer = undefined;
    this.#lines = 0;
    if (heldBack > 0) this.#report(heldBack);
  }
}
