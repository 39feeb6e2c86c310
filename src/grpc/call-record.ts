/** What the request log says of one call. */
import type { IncomingHttpHeaders } from 'node:http2';
import type { Clock } from '../core/clock.ts';
import type { ErrorCode } from '../core/errors.ts';
import { requestDone } from '../core/events.ts';
import type { ModelVersion } from '../core/model.ts';
import { childTraceparent, createRequestId, isRequestId } from '../core/trace.ts';
import type { Status } from './errors.ts';

export class CallRecord {
  readonly startedAt: number;
  readonly #clock: Clock;
  readonly #path: string;
  readonly #headers: IncomingHttpHeaders;
  #requestId: string | undefined;

  /** @param path of the method, or empty when there is no such method */
  constructor(clock: Clock, path: string, headers: IncomingHttpHeaders) {
    this.#clock = clock;
    this.#path = path;
    this.#headers = headers;
    this.startedAt = clock.now();
  }

  /** The client's, or one made here. */
  get requestId(): string {
    const given = this.#headers['x-request-id'] as string | undefined;
    this.#requestId ??= isRequestId(given) ? given : createRequestId();
    return this.#requestId;
  }

  announce(code: ErrorCode | 'OK', status: Status, model: ModelVersion | undefined): void {
    if (!requestDone.hasSubscribers) return;
    requestDone.publish({
      door: 'grpc',
      requestId: this.requestId,
      traceparent: childTraceparent(this.#headers['traceparent'] as string | undefined),
      method: 'POST',
      route: this.#path,
      status,
      code,
      totalMs: this.#clock.now() - this.startedAt,
      model,
    });
  }
}
