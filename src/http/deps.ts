/** What the HTTP door is given. It opens nothing and owns no model. */
import type { KeyRing } from '../core/api-keys.ts';
import type { CancelSignal } from '../core/cancel-signal.ts';
import type { ModelRef, ModelVersion } from '../core/model.ts';
import type { JobApi } from '../jobs/job-api.ts';
import type { RequestApi } from '../jobs/request/store-request.ts';
import type { ControlApi } from '../models/control-api.ts';
import type { Refusal } from '../models/front-models.ts';
import type { ModelEntry, Snapshot, VersionDescriptor } from '../models/snapshot.ts';
import type { ProtocolOptions } from '../protocol/options.ts';
import type { Explain } from '../serving/explain.ts';
import type { Predict } from '../serving/predict.ts';
import type { Stream } from '../serving/stream.ts';
import type { HttpOptions } from './options.ts';

/** The models as this front end sees them now. */
export interface ReadModels {
  readonly snapshot: Snapshot;
  /** @throws {ServeryError} `MODEL_NOT_FOUND` */
  entry(name: string): ModelEntry;
  /** @throws {ServeryError} `MODEL_NOT_FOUND`, `MODEL_NOT_READY` */
  describe(ref: ModelRef): VersionDescriptor;
  /** What a prediction would be refused with now, without reading it. */
  refusalNow(ref: ModelRef): Refusal | undefined;
}

/** A page or document, made on request. */
export interface Page {
  readonly contentType: string;
  readonly body: string;
  /** Names and values in turn. */
  readonly headers?: readonly string[];
}

/** @returns a method of gRPC by its path, from message to message; undefined when it is not there or does not predict */
export type RpcMethods = (path: string) => ((message: Buffer, call: RpcCall) => Promise<Buffer>) | undefined;

export interface RpcCall {
  readonly deadline: number | undefined;
  readonly signal: CancelSignal;
  /** Set to the version that a prediction was asked of. */
  model: ModelVersion | undefined;
  metadata: Readonly<Record<string, string>> | undefined;
}

export interface HttpDeps {
  readonly predict: Predict;
  /** For versions whose descriptor says `streams`. */
  readonly stream: Stream;
  /** For versions whose descriptor says `explains`. */
  readonly explain: Explain;
  readonly models: ReadModels;
  readonly control: ControlApi;
  /** Undefined where there are no jobs: the server is online only. */
  readonly jobs: JobApi | undefined;
  /** Undefined where there are no jobs. */
  readonly requests: RequestApi | undefined;
  /** The counter of `maxBufferedBytes`, which all front ends share; see listening/byte-budget.ts. */
  readonly bufferedBytes: SharedArrayBuffer;
  readonly options: HttpOptions;
  readonly protocols: ProtocolOptions;
  readonly keys: KeyRing;
  /** The methods of the gRPC door that predict, for doors that pass messages on to them. They count what they answer. */
  readonly rpc: RpcMethods;
  /** The live routes and signatures as OpenAPI 3.1. */
  readonly openapi: () => Promise<Page>;
  /** A static page that fetches `/openapi.json`, with the key that its reader gives. */
  readonly docs: () => Promise<Page>;
}
