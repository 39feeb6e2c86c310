/**
 * What happened, for whoever wants to know.
 *
 * Carried by Node's diagnostics channels, so the code that publishes knows nothing of metrics, traces
 * or logs, and pays one property read when nobody listens. A channel is per thread: each thread's
 * telemetry listens to its own, and the control thread sums.
 */
import { channel } from 'node:diagnostics_channel';
import type { ErrorCode } from './errors.ts';
import type { ModelVersion } from './model.ts';

/** Why a batch was sent when it was. */
export type DispatchReason =
  /** The runner was free: everything that waited went. */
  | 'idle'
  /** The batch reached its cap (rows or latency budget). */
  | 'full'
  /** More rows would have made a request in it miss its deadline. */
  | 'deadline';

/** A batch was sent to its runner and has come back. */
export interface BatchRun {
  readonly model: ModelVersion;
  readonly requests: number;
  readonly rows: number;
  /** Rows added so that the answers do not depend on the neighbours. */
  readonly paddedRows: number;
  readonly reason: DispatchReason;
  /** Sum over the requests of the time each waited in the queue. */
  readonly queuedMs: number;
  /** Time of the run as the caller saw it, and the part of it inside the engine. */
  readonly runMs: number;
  readonly computeMs: number;
  /** Whether the engine was asked for explanations instead of predictions. */
  readonly explains: boolean;
  readonly failed: boolean;
}
export const batchRun = event<BatchRun>('servery.batch.run');

/** An answer that comes bit by bit has begun. */
export interface FirstChunk {
  readonly model: ModelVersion;
  /** Since it was asked for, the time in the queue included. */
  readonly afterMs: number;
}
export const firstChunk = event<FirstChunk>('servery.stream.first-chunk');

/** A request was refused or dropped before it ran. */
export interface Rejection {
  readonly model: ModelVersion;
  readonly code: ErrorCode;
}
export const rejection = event<Rejection>('servery.batch.rejection');

/** A prediction was answered at a door, well or badly. */
export interface PredictionDone {
  /** Undefined when the model could not be found. */
  readonly model: ModelVersion | undefined;
  readonly door: 'http' | 'grpc' | 'embedded';
  readonly rows: number;
  readonly totalMs: number;
  readonly code: ErrorCode | 'OK';
}
export const predictionDone = event<PredictionDone>('servery.prediction.done');

/** A door has answered a request of any kind: what a request log is made of. */
export interface RequestDone {
  readonly door: 'http' | 'grpc';
  /** The client's, or made here. */
  readonly requestId: string;
  /** W3C trace context with the span of this request; undefined when the client brought none. */
  readonly traceparent: string | undefined;
  readonly method: string;
  /** The pattern of the route, never the path itself: names and secrets in it stay out of logs. */
  readonly route: string;
  /** HTTP or gRPC status. */
  readonly status: number;
  readonly code: ErrorCode | 'OK';
  readonly totalMs: number;
  /** The version that a prediction was asked of, as far as it was found. */
  readonly model?: ModelVersion | undefined;
  /** What failed, with its stack: for the log, when the code alone would not tell the operator enough. */
  readonly error?: unknown;
}
export const requestDone = event<RequestDone>('servery.request.done');

/** A version changed its state on the control thread. */
export interface VersionStateChanged {
  readonly model: ModelVersion;
  readonly state: VersionState;
  readonly reason: string;
}
export type VersionState = 'loading' | 'ready' | 'stuck' | 'failed' | 'unloading' | 'unloaded';
export const versionStateChanged = event<VersionStateChanged>('servery.version.state');

/** A handler thread was terminated and replaced. */
export interface HandlerRestarted {
  readonly model: ModelVersion;
  readonly cause: 'deadline' | 'memory' | 'exit';
}
export const handlerRestarted = event<HandlerRestarted>('servery.handler.restarted');

/** Something an operator should read, that is nobody's answer. Never holds payloads. */
export interface Notice {
  readonly level: 'info' | 'warn' | 'error';
  readonly message: string;
  readonly model?: ModelVersion | { readonly name: string };
  readonly error?: unknown;
}
export const notice = event<Notice>('servery.notice');

interface Event<T> {
  publish(message: T): void;
  readonly hasSubscribers: boolean;
  subscribe(listener: (message: T) => void): Disposable;
}

function event<T>(name: string): Event<T> {
  const source = channel(name);
  return {
    publish(message) {
      if (source.hasSubscribers) source.publish(message);
    },
    get hasSubscribers() {
      return source.hasSubscribers;
    },
    subscribe(listener) {
      const onMessage = (message: unknown) => listener(message as T);
      source.subscribe(onMessage);
      return { [Symbol.dispose]: () => void source.unsubscribe(onMessage) };
    },
  };
}
