/**
 * What a door may ask of the control thread.
 *
 * The control thread implements it; a front end has a proxy that sends each call as a message, so every
 * argument and result can be cloned. All of it is admin work or reporting: no prediction comes this way.
 */
import type { VersionState } from '../core/events.ts';
import type { ModelVersion } from '../core/model.ts';
import type { Signature } from '../core/signature.ts';
import type { MetricAlias } from '../telemetry/options.ts';

export interface ControlApi {
  listModels(): Promise<readonly ModelSummary[]>;

  /** @throws {ServeryError} `MODEL_NOT_FOUND` */
  showModel(name: string): Promise<ModelDetails>;

  /**
   * Points an alias at a version that exists, live or not (then it is pending).
   *
   * @throws {ServeryError} `MODEL_NOT_FOUND`, `INVALID_REQUEST`
   */
  setAlias(name: string, alias: string, version: number): Promise<ModelSummary>;

  /** @throws {ServeryError} `MODEL_NOT_FOUND`, `CONFLICT` when a configuration or a run needs it */
  removeAlias(name: string, alias: string): Promise<ModelSummary>;

  /**
   * Moves an alias (by default `default`, else the only one) back to its previous target.
   *
   * @throws {ServeryError} `MODEL_NOT_FOUND`, `CONFLICT` when there is no previous target
   */
  rollback(name: string, alias?: string): Promise<ModelSummary>;

  /**
   * Loads what an unload held back and waits until it is ready. With `files`, publishes these as versions first
   * (`1/model.onnx` …; never a handler).
   *
   * @throws {ServeryError} `MODEL_NOT_FOUND`, `MODEL_INVALID`, `INVALID_REQUEST`, `CONFLICT`
   */
  load(name: string, files?: Readonly<Record<string, Uint8Array>>): Promise<void>;

  /** Unloads every version and holds that, across restarts, until a load. Returns when the memory is free. */
  unload(name: string): Promise<void>;

  /** Statistics over all front ends; of one model or version when named. @throws `MODEL_NOT_FOUND` */
  statistics(name?: string, version?: number): Promise<readonly VersionStatistics[]>;

  /**
   * Metrics of all threads, in the Prometheus text format.
   *
   * @param also a system whose names are printed as well, beside those that the configuration lists
   */
  metrics(also?: MetricAlias): Promise<string>;
}

export interface ModelSummary {
  readonly name: string;
  readonly defaultVersion: number | null;
  readonly aliases: Readonly<
    Record<string, { readonly version: number; readonly pending: boolean; readonly previous: number | null }>
  >;
  readonly versions: readonly {
    readonly version: number;
    readonly state: VersionState;
    readonly reason: string;
    readonly live: boolean;
  }[];
  /** Set when an unload by API holds it back. */
  readonly unloaded: boolean;
}

export interface ModelDetails extends ModelSummary {
  /** Of each loaded version: what was resolved, and why. */
  readonly resolved: readonly ResolvedVersion[];
  /** What was ignored, or is wrong with the files beside the versions; a line each. */
  readonly notes: readonly string[];
}

export interface ResolvedVersion {
  readonly version: number;
  readonly platform: string;
  readonly signature: Signature;
  readonly batching: { readonly maxRows: number; readonly latencyBudgetMs: number; readonly maxQueuedRows: number };
  readonly batchable: boolean;
  readonly minRows: number;
  readonly placement: 'inline' | 'executor' | 'handler threads';
  readonly costs: readonly { readonly rows: number; readonly runMs: number }[];
  readonly notes: readonly string[];
  /** Rows that it can answer, in the form of the plain door. */
  readonly exampleRows: readonly Record<string, unknown>[];
}

/** Counters since the version was loaded, summed over front ends. Times in milliseconds. */
export interface VersionStatistics {
  readonly model: ModelVersion;
  /** When the last request was answered, epoch ms; 0 when none was. */
  readonly lastInferenceMs: number;
  /** Rows computed for requests (Triton: inference_count), and runs (execution_count). */
  readonly rows: number;
  readonly runs: number;
  readonly success: CountAndTime;
  readonly fail: CountAndTime;
  readonly queue: CountAndTime;
  readonly computeInput: CountAndTime;
  readonly computeInfer: CountAndTime;
  readonly computeOutput: CountAndTime;
  /** Runs by size (rows, padding included). */
  readonly batches: readonly { readonly rows: number; readonly count: number; readonly runMs: number }[];
  /** Runs by why they were sent: idle, full, deadline. */
  readonly dispatch: Readonly<Record<string, number>>;
  /** Requests refused, by code. */
  readonly rejected: Readonly<Record<string, number>>;
}

export interface CountAndTime {
  readonly count: number;
  readonly ms: number;
}
