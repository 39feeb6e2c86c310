/** What the gRPC door is given. It opens nothing and owns no model. */
import type { Scope } from '../core/api-keys.ts';
import type { ModelRef } from '../core/model.ts';
import type { ControlApi } from '../models/control-api.ts';
import type { ModelEntry, Snapshot, VersionDescriptor } from '../models/snapshot.ts';
import type { ProtocolOptions } from '../protocol/options.ts';
import type { ProtocolName } from '../protocol/protocols.ts';
import type { Explain } from '../serving/explain.ts';
import type { Predict } from '../serving/predict.ts';
import type { Stream } from '../serving/stream.ts';
import type { GrpcOptions } from './options.ts';

/** The models as this front end sees them now. */
export interface ReadModels {
  readonly snapshot: Snapshot;
  /** @throws {ServeryError} `MODEL_NOT_FOUND` */
  entry(name: string): ModelEntry;
  /** @throws {ServeryError} `MODEL_NOT_FOUND`, `MODEL_NOT_READY` */
  describe(ref: ModelRef): VersionDescriptor;
}

export interface GrpcDeps {
  readonly predict: Predict;
  readonly stream: Stream;
  /** For versions whose descriptor says `explains`. */
  readonly explain: Explain;
  readonly models: ReadModels;
  readonly control: ControlApi;
  /** The counter of `maxBufferedBytes`, which all front ends share; see listening/byte-budget.ts. */
  readonly bufferedBytes: SharedArrayBuffer;
  readonly options: GrpcOptions;
  readonly protocols: ProtocolOptions;
  /** The protocol that has the port for itself; undefined on the port that all share. */
  readonly only?: ProtocolName;
  /** The `name` in ServerMetadata. */
  readonly serverName: string;
  /**
   * @param authorization the metadata `authorization` as it came
   * @throws {ServeryError} `UNAUTHENTICATED`, `FORBIDDEN`
   */
  readonly authorize: (authorization: string | undefined, scope: Scope) => void;
}
