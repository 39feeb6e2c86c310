/**
 * The models as one front end sees them: the latest snapshot, and the versions that are open here.
 *
 * It decides nothing. The control thread says what to open (`prepare`), what is live (`apply`) and what
 * to close (`release`); requests borrow versions by reference.
 */
import { ServeryError, quote } from '../core/errors.ts';
import { formatModelRef, type ModelRef, type ModelVersion } from '../core/model.ts';
import { openRunner } from '../runtime/open-runner.ts';
import type { PredictRows } from '../runtime/runtime.ts';
import type { FrontLink } from './front-link.ts';
import { LiveVersion } from './live-version.ts';
import {
  notThereYet,
  type ModelEntry,
  type Prepare,
  type Snapshot,
  type VersionDescriptor,
  type VersionEntry,
} from './snapshot.ts';

export interface Refusal {
  readonly model: ModelVersion;
  readonly error: ServeryError;
}

export class FrontModels implements FrontLink, AsyncDisposable {
  readonly #open = new Map<number, LiveVersion>();
  /** How handlers of this front end call other models. */
  readonly predictRows: PredictRows;
  #snapshot: Snapshot = { sequence: 0, ready: false, complete: false, models: [] };
  #models: ReadonlyMap<string, ModelEntry> = new Map();

  constructor(predictRows: PredictRows) {
    this.predictRows = predictRows;
  }

  get snapshot(): Snapshot {
    return this.#snapshot;
  }

  /** Opens a runner for a version that is not live yet. */
  async prepare({ descriptor, source }: Prepare): Promise<void> {
    const runner = await openRunner(source);
    this.#open.set(descriptor.key, new LiveVersion(descriptor, runner, this.predictRows));
  }

  async apply(snapshot: Snapshot): Promise<void> {
    if (snapshot.sequence <= this.#snapshot.sequence) return;
    this.#snapshot = snapshot;
    this.#models = new Map(snapshot.models.map((entry) => [entry.name, entry]));
  }

  /** Resolves when the version has answered its last request here and its runner is closed. */
  async release(key: number): Promise<void> {
    const version = this.#open.get(key);
    this.#open.delete(key);
    await version?.retire();
  }

  /**
   * Borrows the version that a reference means now.
   *
   * @throws {ServeryError} `MODEL_NOT_FOUND`, or `MODEL_NOT_READY` when it is known but not live
   */
  acquire(ref: ModelRef): LiveVersion {
    const { version, key, state, reason } = this.#resolve(ref);
    const live = key === undefined ? undefined : this.#open.get(key);
    if (live !== undefined) return live.acquire();
    const why = state === 'ready' || reason === '' ? `its state is ${state}` : `${state}: ${reason}`;
    throw new ServeryError(
      'MODEL_NOT_READY',
      `Model ${quote(`${ref.name}/${version}`)} is not at ready state (${why})`,
      {
        retryAfterMs: 1000,
      },
    );
  }

  /** What a prediction with a reference would be refused with now, without reading it. Undefined also where `acquire` throws. */
  refusalNow(ref: ModelRef): Refusal | undefined {
    const entry = this.#models.get(ref.name);
    if (entry === undefined) return undefined;
    const { version: wanted = ref.alias === undefined ? entry.defaultVersion : entry.aliases[ref.alias] } = ref;
    const key = entry.versions.find(({ version }) => version === wanted)?.key;
    const live = key === undefined ? undefined : this.#open.get(key);
    const error = live?.refusalNow();
    return live === undefined || error === undefined ? undefined : { model: live.descriptor.model, error };
  }

  /** @throws {ServeryError} as `acquire` */
  describe(ref: ModelRef): VersionDescriptor {
    using version = this.acquire(ref);
    return version.descriptor;
  }

  /** @throws {ServeryError} `MODEL_NOT_FOUND`, or `MODEL_NOT_READY` while the server has not seen all its models */
  entry(name: string): ModelEntry {
    const entry = this.#models.get(name);
    if (entry !== undefined) return entry;
    throw this.#notFound(name, 'is not found');
  }

  /** Descriptors of everything that is live. */
  *live(): Generator<VersionDescriptor> {
    for (const { versions } of this.#snapshot.models) {
      for (const { key } of versions) {
        const version = key === undefined ? undefined : this.#open.get(key);
        if (version !== undefined) yield version.descriptor;
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(Array.from(this.#open.keys(), (key) => this.release(key)));
  }

  #resolve(ref: ModelRef): VersionEntry {
    const entry = this.entry(ref.name);
    const version = this.#wantedVersion(entry, ref);
    for (const known of entry.versions) if (known.version === version) return known;
    throw this.#notFound(formatModelRef(ref), 'has no such version');
  }

  #wantedVersion(entry: ModelEntry, { name, version, alias }: ModelRef): number {
    if (version !== undefined) return version;
    if (alias === undefined) return entry.defaultVersion ?? failNoVersion(entry);
    const target = Object.hasOwn(entry.aliases, alias) ? entry.aliases[alias] : undefined;
    if (target !== undefined) return target;
    throw this.#notFound(`${name}@${alias}`, 'has no such alias');
  }

  /** For good only when the server has seen everything. */
  #notFound(ref: string, problem: string): ServeryError {
    if (this.#snapshot.complete) {
      return new ServeryError('MODEL_NOT_FOUND', `Request for unknown model: ${quote(ref)} ${problem}`);
    }
    return notThereYet(`Model ${quote(ref)} ${problem}`);
  }
}

/** @throws {ServeryError} `MODEL_NOT_READY` */
function failNoVersion(entry: ModelEntry): never {
  const { name } = entry;
  const [failed] = entry.versions.toReversed().filter(({ reason }) => reason !== '');
  const why = failed === undefined ? 'none is loaded' : `${failed.version}: ${failed.reason}`;
  throw new ServeryError('MODEL_NOT_READY', `Model ${quote(name)} has no available versions (${why})`, {
    retryAfterMs: 1000,
  });
}
