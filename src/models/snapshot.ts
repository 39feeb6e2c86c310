/**
 * What the control thread tells the front ends.
 *
 * Front ends hold no truth: a version is first *prepared* everywhere (its runner opened), then named in
 * a numbered snapshot, and a swap is done when every front end has acknowledged the number. Only then is
 * the old version released. All of it goes through `postMessage`.
 */
import type { BatchingOptions } from '../batching/options.ts';
import { ServeryError } from '../core/errors.ts';
import type { VersionState } from '../core/events.ts';
import type { DeclaredValues, ModelVersion } from '../core/model.ts';
import type { Signature } from '../core/signature.ts';
import type { HandlerRoute, RunnerSource } from '../runtime/runtime.ts';

/** One loaded version, as the front ends need it. */
export interface VersionDescriptor {
  /** Names this load of the version; never used again, also not when the version is loaded anew. */
  readonly key: number;
  readonly model: ModelVersion;
  readonly signature: Signature;
  readonly platform: string;
  readonly batching: BatchingOptions;
  /** Rows a run needs at least for answers that do not depend on the neighbours; smaller ones are padded. */
  readonly minRows: number;
  /** False: every request runs alone, unpadded. */
  readonly batchable: boolean;
  /** Shared by all front ends; see `batching/shared-queue.ts`. */
  readonly queueCounters: SharedArrayBuffer;
  /** Measured at warm-up: milliseconds of a run by rows, ascending; the first guess of the cost model. */
  readonly costs: readonly { readonly rows: number; readonly runMs: number }[];
  readonly route?: HandlerRoute;
  /** Its answers can be had bit by bit. */
  readonly streams?: boolean;
  /** What another file of the version says that a request holds. */
  readonly declared?: DeclaredValues;
  /** It can say why it answers rows as it does. */
  readonly explains?: boolean;
  /** Real or made rows (plain-door form) for documentation. */
  readonly exampleRows: readonly Record<string, unknown>[];
}

export interface Prepare {
  readonly descriptor: VersionDescriptor;
  readonly source: RunnerSource;
}

/** The state of every known version, and which are live. */
export interface Snapshot {
  readonly sequence: number;
  /** False while something that should be live is not: the server's readiness. */
  readonly ready: boolean;
  /** Everything that was there at the start was loaded, or has failed: what is not named here does not exist. */
  readonly complete: boolean;
  readonly models: readonly ModelEntry[];
}

/** Of what is not there: to clients that would be the end, and this is the start. */
export function notThereYet(what: string): ServeryError {
  return new ServeryError('MODEL_NOT_READY', `${what} yet: the server is starting`, { retryAfterMs: 1000 });
}

export interface ModelEntry {
  readonly name: string;
  /** What `name` alone means now: alias `default` if set, else the highest live version. */
  readonly defaultVersion: number | undefined;
  /** Desired state; an alias whose version is not ready is pending. */
  readonly aliases: Readonly<Record<string, number>>;
  readonly versions: readonly VersionEntry[];
}

export interface VersionEntry {
  readonly version: number;
  readonly state: VersionState;
  /** Why it is not ready; empty when it is. Without paths. */
  readonly reason: string;
  /** Set when it is live: requests may be sent to it. */
  readonly key: number | undefined;
}
