/** A step of a job, what it is told when it runs, and what it gives back. */
import type { DataInterval } from '../core/data-interval.ts';
import type { Json } from '../core/json.ts';
import type { ModelVersion } from '../core/model.ts';
import type { Node } from './dag.ts';
import type { Environment } from './job-options.ts';
import type { PredictOptions } from './predict/options.ts';
import type { ChunkRows } from './predict/ledger.ts';
import type { TrainOptions } from './train/options.ts';

export interface Step extends Node {
  readonly timeoutMs: number | undefined;
  readonly work: StepWork;
}

export type StepWork =
  | { readonly kind: 'predict'; readonly options: PredictOptions }
  | { readonly kind: 'command'; readonly program: Program }
  | { readonly kind: 'train'; readonly program: Program; readonly options: TrainOptions }
  /** What it sends is in the parameters of its run. */
  | { readonly kind: 'request' };

/** What is started, and how. Plain JSON: secrets are still references. */
export interface Program {
  /** A list of arguments, a text for the shell, or a function of the workspace as MODULE#EXPORT. */
  readonly start:
    { readonly arguments: readonly string[] } | { readonly shell: string } | { readonly function: string };
  /** Relative to the workspace. */
  readonly cwd: string;
  readonly env: Environment;
  readonly stopGraceMs: number;
  readonly skipExitCodes: readonly number[];
}

/** What a step is told. */
export interface StepContext {
  readonly job: string;
  readonly runId: string;
  readonly step: string;
  /** 1 for the first. */
  readonly attempt: number;
  readonly interval: DataInterval | undefined;
  /** IANA name of the zone of the schedule. */
  readonly timezone: string;
  readonly params: Readonly<Record<string, Json>>;
  /** What the steps that it needs have left, by step. */
  readonly results: Readonly<Record<string, Json>>;
  /** Absolute. */
  readonly workspace: string;
  /** Aborts with a `StopReason`. */
  readonly signal: AbortSignal;
  progress(progress: StepProgress): void;
}

export interface StepProgress {
  readonly rows: number;
  readonly badRows: number;
  readonly totalRows?: number | undefined;
}

/** Why a step must stop. */
export interface StopReason {
  readonly code: 'CANCELLED' | 'TIMED_OUT' | 'LEASE_LOST' | 'SHUTTING_DOWN';
  readonly message: string;
  /** Without grace. */
  readonly force: boolean;
}

/** How a step that did not fail has ended. */
export interface StepOutcome {
  readonly state: 'succeeded' | 'skipped';
  /** Small: it is passed on to other steps. */
  readonly result?: Json | undefined;
  readonly rows?: ChunkRows | undefined;
  readonly outputs?: readonly string[] | undefined;
  /** Files with the bad rows. */
  readonly badRows?: readonly string[] | undefined;
  /** The version that predicted, or that was published. */
  readonly model?: ModelVersion | undefined;
  /** Only for people: exit code, metrics, what the gate said. */
  readonly details?: Readonly<Record<string, Json>> | undefined;
}
