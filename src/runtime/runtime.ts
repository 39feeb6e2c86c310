/**
 * The border to whatever executes a model.
 *
 * Two things implement it: `onnx/` (ONNX Runtime sessions) and `handler/` (TypeScript modules in threads
 * of their own). A runtime loads on the control thread; requests are run from front-end threads, so a
 * loaded model hands out `RunnerSource`s, which cross a thread border and are opened there.
 */
import type { CancelSignal } from '../core/cancel-signal.ts';
import type { ChunkSink } from '../core/chunk.ts';
import type { ModelArtifact } from '../core/model.ts';
import type { Signature } from '../core/signature.ts';
import type { Tensor } from '../core/tensor.ts';
import type { RuntimeOptions } from './options.ts';

export interface Runtime {
  /** The artifact format it loads. */
  readonly format: ModelArtifact['format'];

  /**
   * Reads the artifact and makes it ready to run. Slow: seconds, and as much memory as the model.
   *
   * @throws {ServeryError} `MODEL_INVALID`, when the files are not what the format says; `RUNTIME_MISSING`
   */
  load(artifact: ModelArtifact, options: RuntimeOptions): Promise<LoadedModel>;
}

/** A model in memory. Whoever called `load` owns it and disposes it, after all its runners are closed. */
export interface LoadedModel extends AsyncDisposable {
  /** What the artifact itself says; `model.yaml` is laid over it in `models/`. */
  readonly signature: Signature;
  readonly facts: ModelFacts;

  /** A new way to run it from some thread. Each source is opened at most once. */
  connect(): RunnerSource;

  /**
   * The same model as sessions inside the calling thread of each opener, without a hop. Only where
   * `facts.canInline`; what it costs is measured by the caller.
   */
  connectInline?(): RunnerSource;

  /** When the run that is under way now began (milliseconds of `systemClock`), or undefined when idle. */
  runningSince(): number | undefined;
}

/** What is known about a model without running it, for decisions above and for `servery model show`. */
export interface ModelFacts {
  /** `onnxruntime_onnx` or `servery_handler`: the platform string of the Open Inference Protocol. */
  readonly platform: string;
  /** False when the answer of a row can depend on other rows (a reduction over axis 0): never batched or padded. */
  readonly rowsAreIndependent: boolean;
  /** All axes fixed but the batch axis, no Loop, If or Scan: its cost has a bound, so it may run inline. */
  readonly canInline: boolean;
  /** Rows a single run may take at most; undefined when any number may. */
  readonly maxRows?: number;
  /** Handlers with `batching: false`: one request a call. */
  readonly oneRequestPerCall?: boolean;
  /** Its answers can be had bit by bit. */
  readonly streams?: boolean;
  /** It can say why it answers rows as it does. */
  readonly explains?: boolean;
  /** A handler's own route. */
  readonly route?: HandlerRoute;
  /** What was resolved and why, a line each, for people. */
  readonly notes: readonly string[];
}

/** A route that a handler declares, to stand in for a hand-written endpoint. Bodies travel as BYTES rows of JSON. */
export interface HandlerRoute {
  readonly method: string;
  /** Begins with `/`; segments like `:id` are parameters. */
  readonly path: string;
  /** JSON Schema of the body and of the answer, printed from the handler's zod schemas. */
  readonly bodySchema: unknown;
  readonly responseSchema: unknown;
}

/** Opaque outside `runtime/`; goes through `postMessage` with `transfer`. */
export interface RunnerSource {
  readonly runtime: ModelArtifact['format'];
  readonly message: unknown;
  readonly transfer: readonly import('node:worker_threads').Transferable[];
}

/** Runs one version from the thread that opened it. */
export interface Runner extends AsyncDisposable {
  /** Runs that this thread may have under way at once. May change while threads are replaced. */
  readonly concurrency: number;

  /**
   * Stacks the parts along axis 0 and computes the outputs for all their rows, in the order of the
   * signature. The inputs are read before the first await; the outputs belong to the caller.
   *
   * @throws {ServeryError} `MODEL_FAILED`, `HANDLER_FAILED`, `HANDLER_RESTARTED`, `DEADLINE_EXCEEDED`
   */
  run(parts: readonly (readonly Tensor[])[], call: RunCall): Promise<RunResult>;
}

export interface RunCall {
  /** Rows to compute: those of the parts, then copies of the last row up to this number. */
  readonly rows: number;
  /** Instant of `systemClock` at which nobody waits for the answer any more. */
  readonly deadline?: number | undefined;
  /** Request parameters of the protocol, for handlers. */
  readonly parameters?: Readonly<Record<string, ParameterValue>> | undefined;
  /** For `context.model(…)` of a handler: predictions by other models, asked of the calling thread. */
  readonly predictRows?: PredictRows | undefined;
  /** Where `facts.streams`: takes the answer to one row bit by bit. The outputs are then empty, but for a refusal. */
  readonly sink?: ChunkSink | undefined;
  /** Where `facts.explains`: the one output is then BYTES, an envelope with the explanation of each row. */
  readonly explains?: boolean | undefined;
  /** Aborts when nobody waits for the answer any more, before the deadline. A runner that can stop then does. */
  readonly signal?: CancelSignal | undefined;
}

export type ParameterValue = string | number | boolean | bigint;

/** Rows as objects in, rows as objects out, by another model of the same server. */
export type PredictRows = (
  model: string,
  rows: readonly unknown[],
  options: { readonly deadline?: number | undefined; readonly signal?: CancelSignal | undefined },
) => Promise<readonly Record<string, unknown>[]>;

export interface RunResult {
  /** In the order of the signature; axis 0 has `rows` (checked by whoever splits them). */
  readonly outputs: readonly Tensor[];
  /** Time inside the engine, without the way there and back. */
  readonly computeMs: number;
}
