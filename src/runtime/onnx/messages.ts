/** What passes between the threads that share an ONNX version. Arrays lie in shared memory: nothing is copied. */
import type { MessagePort } from 'node:worker_threads';
import type { WireError } from '../../core/errors.ts';
import type { Signature } from '../../core/signature.ts';
import type { Tensor } from '../../core/tensor.ts';
import type { ModelFacts } from '../runtime.ts';
import type { SessionOptions } from './binding.ts';
import type { Target } from './session-run.ts';

/** What an executor thread is to open. */
export interface OpenCommand {
  readonly kind: 'open';
  readonly folder: string;
  readonly file: string;
  readonly options: SessionOptions;
  /** One number: when the run under way began, by `systemClock`; 0 when idle. It can be read while the thread is blocked. */
  readonly runningSince: Float64Array;
}

/** From the control thread to an executor. */
export type ExecutorCommand =
  | OpenCommand
  | { readonly kind: 'connect'; readonly port: MessagePort }
  /** Release the model and be ready for the next. */
  | { readonly kind: 'close' }
  | { readonly kind: 'end' };

/** From an executor to the control thread. */
export type ExecutorEvent =
  | ({ readonly kind: 'opened' } & OpenedModel)
  | { readonly kind: 'failed'; readonly error: WireError }
  /** A runner was closed, or the thread that had it ended. */
  | { readonly kind: 'disconnected' }
  /** The model is released. Not clean: what is left of it goes only with the thread. */
  | { readonly kind: 'closed'; readonly isClean: boolean };

export interface OpenedModel {
  readonly signature: Signature;
  readonly facts: ModelFacts;
  /** The model itself, for sessions in other threads; only where `facts.canInline`. */
  readonly bytes: Uint8Array | undefined;
}

/** From a runner to its executor. */
export interface RunRequest {
  readonly id: number;
  readonly inputs: readonly Tensor[];
  /** Where the outputs go whose size is known beforehand. */
  readonly into: readonly (Target | null)[];
  readonly deadline: number | undefined;
}

export type RunReply =
  | {
      readonly id: number;
      /** Null for those that are where the request wanted them. */
      readonly outputs: readonly (Tensor | null)[];
      readonly computeMs: number;
    }
  | { readonly id: number; readonly error: WireError };

/** The message of a `RunnerSource`. */
export type OnnxSource =
  | { readonly kind: 'executor'; readonly port: MessagePort; readonly signature: Signature }
  | {
      readonly kind: 'inline';
      readonly bytes: Uint8Array;
      readonly options: SessionOptions;
      readonly signature: Signature;
    };
