/**
 * What control thread, handler threads and front ends say to each other.
 *
 * Calls go straight from a front end to a handler thread, over a port of the two. The control thread starts
 * and ends the threads, and hands each front end the ports of those that live, over a link of its own.
 */
import type { MessagePort } from 'node:worker_threads';
import type { Chunk } from '../../core/chunk.ts';
import type { WireError } from '../../core/errors.ts';
import type { ModelVersion } from '../../core/model.ts';
import type { Signature } from '../../core/signature.ts';
import type { Tensor } from '../../core/tensor.ts';
import type { HandlerRoute, ParameterValue } from '../runtime.ts';

/** With which a handler thread starts. */
export interface ThreadStart {
  readonly model: ModelVersion;
  readonly folder: string;
  readonly file: string;
  readonly counters: ThreadCounters;
  /** The files that an earlier thread of the version read, by URL: it never changes while it is loaded. */
  readonly sources: ReadonlyMap<string, SourceFile>;
}

export interface SourceFile {
  readonly format: string | null | undefined;
  readonly source: string | NodeJS.TypedArray | ArrayBuffer;
}

/** Memory that all who deal with one thread share. */
export interface ThreadCounters {
  /** Int32: calls under way. Counted up by the front end that takes a place, down by the thread. */
  readonly busy: SharedArrayBuffer;
  /** Int64: when the oldest call under way began, in whole milliseconds of `systemClock`; 0 when idle. */
  readonly since: SharedArrayBuffer;
  /** Int32, one for all threads of the version: front ends that wait for a place. */
  readonly waiting: SharedArrayBuffer;
}

/** What a definition says, without its functions. */
export interface HandlerDescription {
  readonly signature: Signature;
  readonly route: HandlerRoute | undefined;
  readonly batching: boolean;
  readonly streams: boolean;
  readonly explains: boolean;
}

export type FromThread =
  | {
      readonly type: 'ready';
      readonly description: HandlerDescription;
      readonly sources: ReadonlyMap<string, SourceFile>;
    }
  | {
      readonly type: 'invalid';
      readonly reason: string;
      readonly hint: string | undefined;
      readonly stack: string | undefined;
    }
  | { readonly type: 'log'; readonly level: 'info' | 'warn' | 'error'; readonly message: string };

/** To a thread that is ready: a front end that may call it. */
export interface ConnectThread {
  readonly port: MessagePort;
}

export interface Call {
  readonly type: 'call';
  readonly id: number;
  readonly rows: number;
  readonly tensors: readonly Tensor[];
  readonly parameters: Readonly<Record<string, ParameterValue>> | undefined;
  /** The answer at once, the answer bit by bit, or why it is what it is. */
  readonly wants: 'outputs' | 'chunks' | 'explanations';
}

export type ToThread =
  | Call
  /** A chunk was used: there is room for another. */
  | { readonly type: 'taken'; readonly id: number }
  /** Nobody waits for the answer any more. */
  | { readonly type: 'cancel'; readonly id: number; readonly reason: WireError }
  | { readonly type: 'answer'; readonly ask: number; readonly rows: readonly unknown[] }
  | { readonly type: 'refusal'; readonly ask: number; readonly error: WireError };

export type FromCall =
  | { readonly type: 'result'; readonly id: number; readonly outputs: readonly Tensor[]; readonly computeMs: number }
  | { readonly type: 'failed'; readonly id: number; readonly error: WireError }
  | { readonly type: 'chunk'; readonly id: number; readonly chunk: Chunk }
  /** A cancellation arrived: the event loop of the thread is alive. */
  | { readonly type: 'heard'; readonly id: number }
  /** A place is free, and some front end waits for one. */
  | { readonly type: 'free' }
  | {
      readonly type: 'ask';
      readonly id: number;
      readonly ask: number;
      readonly model: string;
      readonly rows: readonly unknown[];
    };

/** One thread, as a front end gets it. */
export interface ThreadLink {
  readonly thread: number;
  readonly port: MessagePort;
  readonly counters: ThreadCounters;
}

/** What a runner is opened with. */
export interface HandlerSource {
  readonly model: ModelVersion;
  readonly concurrency: number;
  readonly control: MessagePort;
  readonly threads: readonly ThreadLink[];
  /** Int32, one for all threads of the version: front ends that wait for a place. */
  readonly waiting: SharedArrayBuffer;
  readonly timing: CallTiming;
}

export interface CallTiming {
  /** How long a thread may take to acknowledge a cancellation before it counts as stuck. */
  readonly hearMs: number;
  /** How long a cancelled call may take to end when its thread is alive. */
  readonly endMs: number;
}

export type ToFrontEnd =
  | { readonly type: 'thread'; readonly link: ThreadLink }
  | { readonly type: 'gone'; readonly thread: number }
  /** No thread lives, and none is started for a while, since they keep failing. */
  | { readonly type: 'resting'; readonly restMs: number }
  | { readonly type: 'closing' };

export interface FromFrontEnd {
  readonly type: 'unresponsive';
  readonly thread: number;
}
