/** What a method of a service is to the transport: the bytes of a message in, those of another out. */
import type { Scope } from '../core/api-keys.ts';
import type { CancelSignal } from '../core/cancel-signal.ts';
import type { ModelVersion } from '../core/model.ts';

export interface Method {
  readonly scope: Scope;
  /** Answered while the server drains as well: whoever asks about health has to hear it. */
  readonly whileDraining?: boolean;
  /** How a refusal before it is asked looks, where not as ours do. */
  readonly refusal?: (error: unknown) => unknown;
  readonly answer: Unary | Streaming;
}

export interface Unary {
  /** Returns a message with room for its prefix: see `framing.ts`. */
  readonly unary: (request: Buffer, call: CallContext) => Buffer | Promise<Buffer>;
}

export interface Streaming {
  /** `requests` fails with `SHUTTING_DOWN` when the server drains: what was begun may still be answered. */
  readonly streaming: (requests: AsyncIterable<StreamedRequest>, call: CallContext) => AsyncIterable<Buffer>;
}

/** Dispose it when its bytes are no longer needed: they count against the memory for requests. */
export interface StreamedRequest extends Disposable {
  readonly bytes: Buffer;
}

export interface CallContext {
  /** Instant of the clock at which the client gives up; undefined when it set none. */
  readonly deadline: number | undefined;
  /** Aborts when nobody waits for the answer any more. */
  readonly signal: CancelSignal;
  /** The version that a prediction was asked of, for the log. */
  model: ModelVersion | undefined;
  /** Of the answer; sent before its first message. */
  metadata: Readonly<Record<string, string>> | undefined;
}
