/**
 * Decides which versions of a model should be live, and what to do next to get there.
 *
 * Pure: the same state always gives the same action. Loading, warm-up and swapping are in
 * managed-model.ts, so that the rule "load the new one first, never take the last good one away" can be
 * read and tested here alone.
 */

/** Which versions of the folder are wanted: the highest n, all, or those of a list. */
export type VersionPolicy = { readonly latest: number } | 'all' | readonly number[];

export interface KnownVersion {
  readonly version: number;
  /** Its files are there and complete. */
  readonly onDisk: boolean;
  /**
   * - `absent`: not loaded
   * - `live`: answers requests
   * - `outdated`: answers requests, with options that have changed since it was loaded
   * - `failed`: not loaded, and loading the same files with the same options has failed
   */
  readonly state: 'absent' | 'live' | 'outdated' | 'failed';
}

export interface AliasState {
  readonly target: number;
  /** The version that answers for it while the target does not; the former target, as long as it is live. */
  readonly serving: number | undefined;
}

export interface ModelState {
  readonly versions: readonly KnownVersion[];
  readonly policy: VersionPolicy;
  readonly aliases: readonly AliasState[];
  /** Versions that a run of a job needs. */
  readonly pinned: readonly number[];
  /** Unloaded by API: nothing is wanted until a load. */
  readonly held: boolean;
}

export type Action =
  | { readonly load: number }
  /** Load it again, beside itself. */
  | { readonly reload: number }
  | { readonly unload: number };

/** The versions that should be live and can be: a failed one leaves its place to the next. */
export function wantedVersions({ versions, policy, aliases, pinned, held }: ModelState): ReadonlySet<number> {
  if (held) return new Set();
  const usable = versions.filter(({ onDisk, state }) => onDisk && state !== 'failed').map(({ version }) => version);
  const named = new Set([...aliases.map(({ target }) => target), ...pinned]);
  for (const { target, serving } of aliases) {
    if (serving !== undefined && !isLive(versions, target)) named.add(serving);
  }
  const wanted = new Set([...select(usable, policy), ...usable.filter((version) => named.has(version))]);
  // A run that has begun ends with the version it began with, also when its files are gone.
  for (const version of pinned) if (isLive(versions, version)) wanted.add(version);
  return wanted;
}

/** The next step towards the wanted versions, or undefined when there is none. */
export function nextAction(model: ModelState): Action | undefined {
  const wanted = wantedVersions(model);
  const highestFirst = model.versions.toSorted((a, b) => b.version - a.version);
  const missing = highestFirst.find(({ version, state }) => wanted.has(version) && state === 'absent');
  if (missing !== undefined) return { load: missing.version };
  const outdated = highestFirst.find(({ version, state }) => wanted.has(version) && state === 'outdated');
  if (outdated !== undefined) return { reload: outdated.version };

  // Everything that can take over has done so.
  const live = highestFirst.filter(({ state }) => state === 'live' || state === 'outdated');
  const staysLive = live.some(({ version }) => wanted.has(version));
  const surplus = live.filter(({ version }) => !wanted.has(version)).toReversed();
  if (model.held || staysLive) return surplus[0] && { unload: surplus[0].version };
  // Nothing that is wanted is live: the highest version that still has its files goes on answering.
  const keeper = live.find(({ onDisk }) => onDisk);
  const leaving = surplus.find(({ version }) => version !== keeper?.version);
  return leaving && { unload: leaving.version };
}

/** Which version answers for an alias from now on: its target when that is live, else as before. */
export function servingVersion(
  target: number,
  before: number | undefined,
  isLiveNow: (version: number) => boolean,
): number | undefined {
  if (isLiveNow(target)) return target;
  return before !== undefined && isLiveNow(before) ? before : undefined;
}

export function formatPolicy(policy: VersionPolicy): string {
  if (policy === 'all') return 'all';
  return 'latest' in policy ? `{ latest: ${policy.latest} }` : `[${policy.join(', ')}]`;
}

function select(usable: readonly number[], policy: VersionPolicy): readonly number[] {
  if (policy === 'all') return usable;
  if ('latest' in policy) return usable.toSorted((a, b) => b - a).slice(0, policy.latest);
  return usable.filter((version) => policy.includes(version));
}

function isLive(versions: readonly KnownVersion[], version: number): boolean {
  return versions.some((known) => known.version === version && (known.state === 'live' || known.state === 'outdated'));
}
