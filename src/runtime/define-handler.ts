/**
 * What a user writes to make a model in TypeScript: `export default defineHandler({ … })`.
 *
 * Nothing here runs a handler. The function only marks what it is given, so that the types can be inferred
 * and a module that exports something else is told so; everything is checked when the version loads.
 */
import type * as z from 'zod';
import type { Datatype, NumericData } from '../core/tensor.ts';
import type { ParameterValue } from './runtime.ts';

/** Marks what `defineHandler` returned; the same in every copy of the module. */
export const HANDLER: unique symbol = Symbol.for('servery.handler') as never;

/** One input of a row: its datatype, or more than that. */
export type InputSpec =
  | Datatype
  | {
      readonly datatype: Datatype;
      /** Sizes of the axes of one row, without the axis that counts rows; `null` is any size. By default one value. */
      readonly shape?: readonly (number | null)[];
      /** BYTES: give `predict` the bytes (an image) and not text. */
      readonly as?: 'bytes';
      /** Shape [k]: names of the k features, in their order. */
      readonly features?: readonly string[];
      /** Floating point: a missing value is NaN and not an error. */
      readonly missing?: 'nan';
    };

/** One output of a row: its datatype, or more than that. */
export type OutputSpec =
  | Datatype
  | {
      readonly datatype: Datatype;
      readonly shape?: readonly (number | null)[];
      /** Names of the classes: by value for integers, by position for shape [k]. */
      readonly labels?: readonly string[];
    };

export interface HandlerSignature {
  readonly inputs: Readonly<Record<string, InputSpec>>;
  readonly outputs: Readonly<Record<string, OutputSpec>>;
}

type DatatypeOf<Spec> = Spec extends { readonly datatype: infer D } ? D : Spec;
type ShapeOf<Spec> = Spec extends { readonly shape: infer Shape extends readonly unknown[] } ? Shape : readonly [];

// 64-bit integers are bigint: a number would lose bits above 2^53.
type TakenValue<Spec> =
  DatatypeOf<Spec> extends 'BYTES'
    ? Spec extends { readonly as: 'bytes' }
      ? Uint8Array
      : string
    : DatatypeOf<Spec> extends 'BOOL'
      ? boolean
      : DatatypeOf<Spec> extends 'INT64' | 'UINT64'
        ? bigint
        : number;

type GivenValue<Spec> =
  DatatypeOf<Spec> extends 'BYTES'
    ? string | Uint8Array
    : DatatypeOf<Spec> extends 'BOOL'
      ? boolean
      : DatatypeOf<Spec> extends 'INT64' | 'UINT64'
        ? bigint | number
        : number;

type Taken<Value, Shape extends readonly unknown[]> = Shape extends readonly [unknown, ...infer Inner]
  ? Taken<Value, Inner>[]
  : Value;

type Given<Value, Shape extends readonly unknown[]> = Shape extends readonly [unknown, ...infer Inner]
  ? readonly Given<Value, Inner>[] | (Value extends number | bigint ? NumericData : never)
  : Value;

/** A row as `predict` is given it. */
export type InputRow<S extends HandlerSignature> = {
  readonly [Name in keyof S['inputs']]: Taken<TakenValue<S['inputs'][Name]>, ShapeOf<S['inputs'][Name]>>;
};

/** A row as `predict` returns it. */
export type OutputRow<S extends HandlerSignature> = {
  readonly [Name in keyof S['outputs']]: Given<GivenValue<S['outputs'][Name]>, ShapeOf<S['outputs'][Name]>>;
};

/** Lines for the server's log, with the name of the model. They should hold no payloads. */
export interface HandlerLog {
  info(message: string): void;
  warn(message: string): void;
  error(message: string): void;
}

export interface SetupContext {
  readonly version: number;
  readonly log: HandlerLog;
}

export interface HandlerContext<State = undefined> {
  /** The version of this handler. */
  readonly version: number;
  /** What `setup` returned in this thread. */
  readonly state: State;
  /** Aborts when the deadline of the call has passed: nobody waits for the answer any more. */
  readonly signal: AbortSignal;
  /** Parameters of the request, and those in the path of a route. */
  readonly parameters: Readonly<Record<string, ParameterValue>>;
  readonly log: HandlerLog;
  /** Another model of this server: `name`, `name@alias` or `name/7`. The type of its rows is not checked. */
  model<Output extends object = Readonly<Record<string, unknown>>>(name: string): OtherModel<Output>;
}

export interface OtherModel<Output> {
  /**
   * Rows in, as many rows out, in the form of the plain door. Ends with the deadline of the call.
   *
   * @throws {ServeryError} as any prediction: `MODEL_NOT_FOUND`, `INVALID_INPUT`, `QUEUE_FULL` …
   */
  predict(rows: readonly unknown[]): Promise<readonly Output[]>;
}

/** What explains the answer to a row: any JSON value. */
type Explanation = string | number | boolean | object | null;

export interface SignatureHandler<S extends HandlerSignature, State> {
  readonly signature: S;
  /** Runs once in each thread, before the version is ready; at most 30 seconds. Stands before `predict`. */
  readonly setup?: (context: SetupContext) => State | Promise<State>;
  /** Rows of one or several requests; returns as many, in their order. */
  readonly predict: (
    rows: readonly InputRow<S>[],
    context: HandlerContext<State>,
  ) => readonly OutputRow<S>[] | Promise<readonly OutputRow<S>[]>;
  /** Why rows are answered as they are: a JSON value for each, in their order. Asked by doors that have explanations. */
  readonly explain?: (
    rows: readonly InputRow<S>[],
    context: HandlerContext<State>,
  ) => readonly Explanation[] | Promise<readonly Explanation[]>;
  /** `false`: the rows of one request a call. By default requests that wait share one. */
  readonly batching?: boolean;
  readonly stream?: never;
  readonly route?: never;
  readonly body?: never;
  readonly response?: never;
}

export interface RouteHandler<Body extends z.ZodType, Response extends z.ZodType, State> {
  /** Method and path: `POST /score`. Segments like `:id` come in `context.parameters`. */
  readonly route: string;
  /** What a body must be; others are refused before `predict` sees them. */
  readonly body: Body;
  /** What an answer is; checked, and shown in the documentation. By default any JSON value. */
  readonly response?: Response;
  readonly setup?: (context: SetupContext) => State | Promise<State>;
  /** Bodies of one or several requests; returns as many answers, in their order. */
  readonly predict: (
    bodies: readonly z.output<Body>[],
    context: HandlerContext<State>,
  ) => readonly z.input<Response>[] | Promise<readonly z.input<Response>[]>;
  /** Why bodies are answered as they are: a JSON value for each, in their order. */
  readonly explain?: (
    bodies: readonly z.output<Body>[],
    context: HandlerContext<State>,
  ) => readonly Explanation[] | Promise<readonly Explanation[]>;
  readonly batching?: boolean;
  readonly stream?: never;
  readonly signature?: never;
}

/** A piece of an answer: text, bytes, or a JSON value. */
type StreamChunk = string | number | boolean | object | null;

/** What `stream` gives, mostly as `async *stream(row) { yield … }`. */
type Chunks<T> = AsyncIterable<T> | Iterable<T> | Promise<AsyncIterable<T> | Iterable<T>>;

/** A signature handler whose answers come bit by bit. Its one output is BYTES: all chunks of a row together. */
export interface SignatureStream<S extends HandlerSignature, State> extends Omit<
  SignatureHandler<S, State>,
  'predict' | 'stream' | 'batching'
> {
  /** One row; gives its answer chunk by chunk, and is not asked for the next before there is room for it. */
  readonly stream: (row: InputRow<S>, context: HandlerContext<State>) => Chunks<StreamChunk>;
  readonly predict?: never;
  readonly batching?: false;
}

/** A route whose answers come bit by bit. A `response` schema is that of one chunk; bytes are not checked. */
export interface RouteStream<Body extends z.ZodType, Response extends z.ZodType, State> extends Omit<
  RouteHandler<Body, Response, State>,
  'predict' | 'stream' | 'batching'
> {
  readonly stream: (
    body: z.output<Body>,
    context: HandlerContext<State>,
  ) => Chunks<z.ZodType extends Response ? StreamChunk : z.input<Response> | Uint8Array>;
  readonly predict?: never;
  readonly batching?: false;
}

/** What a handler module exports as its default. */
export interface Handler {
  readonly [HANDLER]: true;
}

/**
 * Defines a model in TypeScript, by a signature of tensors:
 *
 * ```ts
 * export default defineHandler({
 *   signature: { inputs: { tenure: 'FP32', plan: 'BYTES' }, outputs: { risk: 'FP32' } },
 *   predict: (rows) => rows.map(({ tenure, plan }) => ({ risk: plan === 'monthly' ? 1 / tenure : 0 })),
 * });
 * ```
 *
 * or by a route of its own with JSON bodies:
 *
 * ```ts
 * export default defineHandler({
 *   route: 'POST /score',
 *   body: z.object({ amount: z.number() }),
 *   response: z.object({ score: z.number() }),
 *   predict: (bodies) => bodies.map(({ amount }) => ({ score: amount / 100 })),
 * });
 * ```
 *
 * With `stream` in place of `predict`, an answer comes bit by bit: `async *stream(row, context) { yield … }`.
 * The type of the result has both, so that a test can call the one that is there.
 */
export function defineHandler<const S extends HandlerSignature, State = undefined>(
  definition: SignatureHandler<S, State> | SignatureStream<S, State>,
): Omit<SignatureHandler<S, State>, 'stream'> & Pick<SignatureStream<S, State>, 'stream'> & Handler;
export function defineHandler<Body extends z.ZodType, Response extends z.ZodType = z.ZodUnknown, State = undefined>(
  definition: RouteHandler<Body, Response, State> | RouteStream<Body, Response, State>,
): Omit<RouteHandler<Body, Response, State>, 'stream'> & Pick<RouteStream<Body, Response, State>, 'stream'> & Handler;
export function defineHandler(definition: object): Handler {
  return Object.freeze({ ...definition, [HANDLER]: true as const });
}
