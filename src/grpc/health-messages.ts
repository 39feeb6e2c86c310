/**
 * What grpc.health.v1 answers: whether the server, or one of its services, takes calls.
 *
 * Readiness changes on the control thread and arrives with a snapshot; a watcher looks at it on every tick
 * of the server, so it hears of a change within that time, and of draining at once.
 */
import { ServeryError, quote } from '../core/errors.ts';
import {
  Health,
  HealthCheckRequestSchema,
  HealthCheckResponseSchema,
  HealthCheckResponse_ServingStatus as ServingStatus,
} from '../protocol/open-inference-grpc/gen/grpc/health/v1/health_pb.ts';
import type { HealthState } from './health.ts';
import { decode, encode, messageMethod } from './message-method.ts';
import type { CallContext, StreamedRequest, Streaming, Unary } from './method.ts';

/** The empty name stands for the whole server. */
const SERVICES = ['', 'inference.GRPCInferenceService'];

export interface HealthMessages {
  readonly check: Unary;
  readonly list: Unary;
  readonly watch: Streaming;
  /** Tells watchers, if there is something to tell. */
  tell(): void;
}

/** @param state read whenever somebody asks */
export function createHealthMessages(state: HealthState): HealthMessages {
  let changed = Promise.withResolvers<void>();
  let watchers = 0;

  function statusOf(service: string): ServingStatus {
    if (!SERVICES.includes(service)) return ServingStatus.SERVICE_UNKNOWN;
    return state.isReady() && !state.isDraining() ? ServingStatus.SERVING : ServingStatus.NOT_SERVING;
  }

  async function* watch(requests: AsyncIterable<StreamedRequest>, { signal }: CallContext) {
    const service = await readService(requests);
    const gone = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
    watchers += 1;
    try {
      let told: ServingStatus | undefined;
      while (!signal.aborted) {
        const status = statusOf(service);
        if (status !== told) yield encode(HealthCheckResponseSchema, { status });
        told = status;
        if (state.isDraining()) throw new ServeryError('SHUTTING_DOWN', 'The server is stopping');
        await Promise.race([changed.promise, gone]);
      }
    } finally {
      watchers -= 1;
    }
  }

  return {
    check: messageMethod(Health.method.check, ({ service }) => {
      const status = statusOf(service);
      if (status !== ServingStatus.SERVICE_UNKNOWN) return { status };
      throw new ServeryError('NOT_FOUND', `Cannot check service ${quote(service)}: there is no such service`, {
        hint: `Services are ${SERVICES.map(quote).join(', ')}.`,
      });
    }),
    list: messageMethod(Health.method.list, () => ({
      statuses: Object.fromEntries(SERVICES.map((service) => [service, { status: statusOf(service) }])),
    })),
    watch: { streaming: watch },
    tell() {
      if (watchers === 0) return;
      const { resolve } = changed;
      changed = Promise.withResolvers<void>();
      resolve();
    },
  };
}

async function readService(requests: AsyncIterable<StreamedRequest>): Promise<string> {
  for await (using request of requests) return decode(HealthCheckRequestSchema, request.bytes).service;
  throw new ServeryError('INVALID_REQUEST', 'Cannot read the request: it has no message');
}
