/** A model as others are shown it: front ends, the admin API, and people who ask what was resolved and why. */
import { SharedQueue } from '../batching/shared-queue.ts';
import type { VersionState } from '../core/events.ts';
import type { ModelVersion } from '../core/model.ts';
import { formatShape, type TensorSpec } from '../core/signature.ts';
import type { ModelDetails, ModelSummary, ResolvedVersion } from './control-api.ts';
import type { ManagedModel } from './managed-model.ts';
import type { ModelEntry } from './snapshot.ts';

/** What the front ends are told. */
export function entryOf(model: ManagedModel): ModelEntry {
  const aliases = Object.keys(model.settings.aliases).map((alias) => [alias, model.servingOf(alias)!] as const);
  const versions = model.statuses().map(({ version, state, reason, loaded }) => ({
    version,
    state,
    reason,
    key: loaded?.descriptor.key,
  }));
  // An alias may be ahead of the folder: whoever asks by it hears what it waits for.
  for (const target of new Set(aliases.map(([, version]) => version))) {
    if (versions.some(({ version }) => version === target)) continue;
    versions.push({ version: target, state: 'unloaded', reason: 'its files are not there', key: undefined });
  }
  return { name: model.name, defaultVersion: model.defaultVersion, aliases: Object.fromEntries(aliases), versions };
}

/** The state of a version as numbers. */
export interface VersionGauges {
  readonly model: ModelVersion;
  readonly state: VersionState;
  /** Rows that wait, over all front ends. */
  readonly queuedRows: number;
  readonly stuckExecutors: number;
  /** How long it took to load and to warm up; undefined when it is not loaded. */
  readonly loadMs: number | undefined;
}

export function gaugesOf(model: ManagedModel): readonly VersionGauges[] {
  return model.statuses().map(({ version, state, loaded }) => ({
    model: { name: model.name, version },
    state,
    queuedRows: loaded === undefined ? 0 : new SharedQueue(loaded.descriptor.queueCounters).queuedRows,
    stuckExecutors: state === 'stuck' ? 1 : 0,
    loadMs: loaded?.loadMs,
  }));
}

/** Whether nothing is missing that should be live at the start. */
export function isSatisfied(model: ManagedModel, isHeld: boolean): boolean {
  const statuses = model.statuses();
  if (isHeld || statuses.length === 0) return true;
  return model.hasSettled && statuses.some(({ loaded }) => loaded !== undefined);
}

export function summaryOf(model: ManagedModel, isHeld: boolean): ModelSummary {
  const aliases = Object.entries(model.settings.aliases).map(([alias, { version, previous }]) => {
    return [alias, { version, pending: !model.isServing(alias), previous: previous ?? null }] as const;
  });
  const versions = model.statuses().map(({ version, state, reason, loaded }) => {
    return { version, state, reason, live: loaded !== undefined };
  });
  return {
    name: model.name,
    defaultVersion: model.defaultVersion ?? null,
    aliases: Object.fromEntries(aliases),
    versions,
    unloaded: isHeld,
  };
}

export function detailsOf(model: ManagedModel, isHeld: boolean): ModelDetails {
  const resolved = model.statuses().flatMap(({ loaded }) => (loaded === undefined ? [] : [loaded.resolved]));
  const notes = [...model.settings.notes, ...(model.stored?.notes ?? [])];
  return { ...summaryOf(model, isHeld), resolved, notes };
}

/** What `servery model show` and `servery check` print. */
export function describeModel(model: ModelDetails): string {
  const lines = [model.name];
  for (const [alias, { version, pending, previous }] of Object.entries(model.aliases)) {
    const before = previous === null ? '' : `, before that ${previous}`;
    lines.push(`  @${alias}: version ${version}${pending ? ' (pending)' : ''}${before}`);
  }
  for (const { version, state, reason } of model.versions) {
    const isDefault = version === model.defaultVersion ? ', default' : '';
    lines.push(`  version ${version}: ${state}${isDefault}${reason === '' ? '' : ` (${reason})`}`);
    const resolved = model.resolved.find((candidate) => candidate.version === version);
    if (resolved !== undefined) lines.push(...describeVersion(resolved).map((line) => `    ${line}`));
  }
  for (const note of model.notes) lines.push(`  note: ${note}`);
  return lines.join('\n');
}

function describeVersion({ signature, batching, ...version }: ResolvedVersion): string[] {
  const { batchable, minRows, placement, platform, notes } = version;
  const padded = minRows > 1 ? `, padded to at least ${minRows}` : '';
  const rows = batchable ? `up to ${batching.maxRows} rows a batch${padded}` : 'every request runs alone';
  return [
    `${platform}, ${placement}`,
    ...signature.inputs.map((spec) => `input  ${describeTensor(spec)}`),
    ...signature.outputs.map((spec) => `output ${describeTensor(spec)}`),
    `batching: ${rows}, ${batching.latencyBudgetMs} ms budget, ${batching.maxQueuedRows} rows may wait`,
    ...notes.map((note) => `- ${note}`),
  ];
}

function describeTensor({ name, datatype, shape, features, labels, missing }: TensorSpec): string {
  const parts = [`${name} ${datatype} ${formatShape(shape)}`];
  if (features !== undefined) parts.push(`features ${shorten(features)}`);
  if (labels !== undefined) parts.push(`labels ${shorten(labels)}`);
  if (missing !== undefined) parts.push('a missing value is NaN');
  return parts.join('; ');
}

function shorten(names: readonly string[]): string {
  return names.length <= 8 ? names.join(', ') : `${names.slice(0, 7).join(', ')}, … (${names.length})`;
}
