/**
 * Decides what of a models folder is complete, from several looks at it.
 *
 * A copy shows itself by files that change, so a version (or a `model.yaml`) counts once two looks, at
 * least `SETTLE_MS` apart, found it the same. At the first look of all, what has not been touched for a
 * while counts at once, so that a start need not wait. Half a file that stopped growing is caught by the
 * loader, which parses it.
 */
import type { ModelArtifact } from '../core/model.ts';
import type { Scan, ScannedModel } from './scan.ts';

export const SETTLE_MS = 250;
const UNTOUCHED_MS = 2000;

/** The models folder as far as it is complete. */
export interface RepositoryView {
  readonly models: readonly StoredModel[];
  /** What was ignored, and why, for people. */
  readonly notes: readonly string[];
}

export interface StoredModel {
  readonly name: string;
  readonly folder: string;
  /** Ascending. */
  readonly versions: readonly StoredVersion[];
  /** Fingerprint of `model.yaml`; undefined when there is none. */
  readonly options: string | undefined;
  /** Fingerprint of `aliases.json`; undefined when there is none. */
  readonly aliases: string | undefined;
  readonly notes: readonly string[];
}

export interface StoredVersion {
  readonly version: number;
  readonly fingerprint: string;
  /** The artifact, or in words why there is none. */
  readonly content: ModelArtifact | string;
}

interface Seen {
  readonly fingerprint: string;
  readonly sinceMs: number;
  /** The last fingerprint that settled. */
  readonly settled: string | undefined;
}

export class Settler {
  #seen: ReadonlyMap<string, Seen> | undefined;
  readonly #trusted = new Set<string>();

  /** The next look takes this version as complete: it arrived by a rename that we did. */
  trust(name: string, version: number): void {
    this.#trusted.add(`${name}/${version}`);
  }

  /** @returns the view, and whether another look is needed soon because something has not settled */
  look(scan: Scan, nowMs: number): { readonly view: RepositoryView; readonly unsettled: boolean } {
    const before = this.#seen;
    const seen = new Map<string, Seen>();
    let unsettled = false;

    const settledFingerprint = (key: string, fingerprint: string, changedMs: number): string | undefined => {
      const last = before?.get(key);
      const isSame = last?.fingerprint === fingerprint;
      const untouched = before === undefined && changedMs < nowMs - UNTOUCHED_MS;
      const trusted = this.#trusted.delete(key);
      const sinceMs = trusted || untouched ? -Infinity : isSame ? last.sinceMs : nowMs;
      const settles = nowMs - sinceMs >= SETTLE_MS;
      if (!settles) unsettled = true;
      const settled = settles ? fingerprint : last?.settled;
      seen.set(key, { fingerprint, sinceMs, settled });
      return settled;
    };
    const fileFingerprint = (key: string, file: ScannedModel['options']): string | undefined =>
      file && settledFingerprint(key, file.fingerprint, file.changedMs);

    const models = scan.models.map((model): StoredModel => {
      const { name, folder, notes } = model;
      const versions = model.versions.flatMap((version): StoredVersion[] => {
        const fingerprint = settledFingerprint(`${name}/${version.version}`, version.fingerprint, version.changedMs);
        return fingerprint === undefined
          ? []
          : [{ version: version.version, fingerprint, content: contentOf(name, version) }];
      });
      const options = fileFingerprint(`${name}:options`, model.options);
      const aliases = fileFingerprint(`${name}:aliases`, model.aliases);
      return { name, folder, versions, options, aliases, notes };
    });
    this.#seen = seen;
    return { view: { models, notes: scan.notes }, unsettled };
  }
}

/** The view of a single look that takes everything as complete, for commands that do not stay. */
export function viewOf(scan: Scan): RepositoryView {
  const models = scan.models.map(({ name, folder, versions, options, aliases, notes }) => ({
    name,
    folder,
    versions: versions.map((version) => ({
      version: version.version,
      fingerprint: version.fingerprint,
      content: contentOf(name, version),
    })),
    options: options?.fingerprint,
    aliases: aliases?.fingerprint,
    notes,
  }));
  return { models, notes: scan.notes };
}

function contentOf(
  name: string,
  { version, folder, unpackedFrom, entry, problem }: ScannedModel['versions'][number],
): ModelArtifact | string {
  if (problem !== undefined || entry === undefined) return problem ?? 'it holds no artifact';
  return { name, version, folder, ...(unpackedFrom !== undefined && { unpackedFrom }), ...entry };
}
