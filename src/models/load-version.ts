/**
 * Brings one version from its files to the point where front ends can open it: loaded, its signature
 * resolved, warm, its costs and its place known.
 *
 * Knows nothing of other versions or of what is live.
 */
import { SharedQueue } from '../batching/shared-queue.ts';
import { systemClock } from '../core/clock.ts';
import type { ArtifactHints, DeclaredValues, ModelArtifact } from '../core/model.ts';
import type { CheckedInputs, Signature } from '../core/signature.ts';
import type { LoadedModel, PredictRows, RunnerSource, Runtime } from '../runtime/runtime.ts';
import type { ResolvedVersion } from './control-api.ts';
import type { ModelConfig } from './model-options.ts';
import { resolveSignature } from './resolve-signature.ts';
import { settleThreads } from './settle-threads.ts';
import { withHints } from './signature-hints.ts';
import type { VersionDescriptor } from './snapshot.ts';
import { findWarmUpRows } from './warm-up-rows.ts';

/** Runs a loaded model on real or made rows until it is warm, and finds out how it behaves. */
export type Probe = (request: ProbeRequest) => Promise<ProbeResult>;

export interface ProbeRequest {
  readonly artifact: ModelArtifact;
  readonly model: LoadedModel;
  readonly signature: Signature;
  /** Rows to run, tried in order until the model accepts one. */
  readonly candidates: readonly CheckedInputs[];
  /** The rows were given by the user: when the model refuses them, the load fails. */
  readonly given: boolean;
  readonly maxRows: number;
  readonly allowInline: boolean;
  /** How a handler asks other models meanwhile. */
  readonly predictRows?: PredictRows | undefined;
  /** Others are served meanwhile: it must leave them the processor. */
  readonly gentle?: boolean | undefined;
}

export interface ProbeResult {
  /** Rows a run needs at least for answers that do not depend on the neighbours. */
  readonly minRows: number;
  /** False: every request runs alone, unpadded. */
  readonly batchable: boolean;
  /** From `minRows` on, a row has the same answer in every batch that was tried. */
  readonly settles: boolean;
  /** Whether front ends run it inline. */
  readonly inline: boolean;
  readonly costs: readonly { readonly rows: number; readonly runMs: number }[];
  /** What was found and why, a line each. */
  readonly notes: readonly string[];
}

/** A version that is ready to be opened. Whoever loaded it disposes it, after all front ends have released it. */
export interface LoadedVersion extends AsyncDisposable {
  readonly descriptor: VersionDescriptor;
  readonly resolved: ResolvedVersion;
  /** From `minRows` on, a row has the same answer in every batch that was tried. */
  readonly settles: boolean;
  readonly loadMs: number;
  /** A new way to run it, for one front end. */
  connect(): RunnerSource;
  /** When the run that is under way now began, or undefined when idle. */
  runningSince(): number | undefined;
}

interface LoadSettings extends Pick<ProbeRequest, 'predictRows' | 'gentle'> {
  readonly key: number;
  readonly probe: Probe;
}

/** @throws {ServeryError} `MODEL_INVALID`, `RUNTIME_MISSING`, or whatever the model itself fails with */
export async function loadVersion(
  runtime: Runtime,
  artifact: ModelArtifact,
  options: ModelConfig,
  { key, probe, predictRows, gentle }: LoadSettings,
): Promise<LoadedVersion> {
  const began = systemClock.now();
  let model = await runtime.load(artifact, options.runtime);
  try {
    const { facts } = model;
    const hinted = withHints(model.signature, artifact.hints, options.inputs);
    const { signature, notes } = resolveSignature(hinted.signature, options);
    const warmUp = await findWarmUpRows(artifact, signature, options.warmup);
    const maxRows = Math.min(options.batching.maxRows, facts.maxRows ?? Infinity);
    const allowInline = facts.canInline && model.connectInline !== undefined && options.runtime.inline === 'auto';
    const { candidates, file, exampleRows } = warmUp;
    const given = file !== undefined;
    const request = { artifact, model, signature, candidates, given, maxRows, allowInline, predictRows, gentle };
    let probed = await probe(request);
    ({ model, probed } = await settleThreads(request, probed, probe, runtime, options.runtime));
    const batchable = probed.batchable && signature.batched && facts.rowsAreIndependent && !facts.oneRequestPerCall;
    const batching = { ...options.batching, maxRows };
    const { name, version } = artifact;
    const { minRows, costs } = probed;
    const descriptor: VersionDescriptor = {
      key,
      model: { name, version },
      signature,
      platform: facts.platform,
      batching,
      minRows,
      batchable,
      queueCounters: SharedQueue.createCounters(),
      costs,
      ...(facts.route === undefined ? {} : { route: facts.route }),
      ...(facts.streams === true && { streams: true }),
      ...(artifact.hints !== undefined && { declared: declaredBy(artifact.hints) }),
      ...(facts.explains === true && { explains: true }),
      exampleRows,
    };
    const placement = artifact.format === 'handler' ? 'handler threads' : probed.inline ? 'inline' : 'executor';
    const source = file === undefined ? 'rows made from the signature' : `the rows of ${file}`;
    const resolved: ResolvedVersion = {
      version,
      platform: facts.platform,
      signature,
      batching,
      batchable,
      minRows,
      placement,
      costs,
      exampleRows,
      notes: [...facts.notes, ...hinted.notes, ...notes, `warmed up with ${source}`, ...probed.notes],
    };
    return {
      descriptor,
      resolved,
      settles: probed.settles,
      loadMs: systemClock.now() - began,
      connect: () => (probed.inline ? model.connectInline!() : model.connect()),
      runningSince: () => model.runningSince(),
      [Symbol.asyncDispose]: () => model[Symbol.asyncDispose](),
    };
  } catch (error) {
    await model[Symbol.asyncDispose]();
    throw error;
  }
}

function declaredBy({ inputs, params }: ArtifactHints): DeclaredValues {
  return { inputs, ...(params !== undefined && { params }) };
}
