/**
 * The life of one model's versions on the control side.
 *
 * Keeps asking version-policy.ts for the next action and performs it, one at a time, until there is none;
 * whatever changes meanwhile (a file, an alias, a hold) is looked at before the next. A swap goes: load and
 * warm up → open on all front ends → name it in a snapshot that all have applied → release the old one.
 */
import { ServeryError } from '../core/errors.ts';
import { notice } from '../core/events.ts';
import type { ModelArtifact, ModelRef, ModelVersion } from '../core/model.ts';
import type { FolderRepository } from '../repository/folder-repository.ts';
import type { StoredModel, StoredVersion } from '../repository/settle.ts';
import type { FrontLinks } from './front-links.ts';
import type { LoadSlots } from './load-slots.ts';
import type { LoadedVersion } from './load-version.ts';
import type { ModelConfig, ModelConfigInput } from './model-options.ts';
import { ModelSettings } from './model-settings.ts';
import { Retirement } from './retirement.ts';
import { ServingAliases } from './serving-aliases.ts';
import type { WarmUpCalls } from './warm-up-calls.ts';
import { VersionLife, type Attempt, type VersionStatus } from './version-life.ts';
import { formatPolicy, nextAction, wantedVersions, type ModelState } from './version-policy.ts';

/** What a model needs from the manager of all models. */
export interface ModelHost {
  readonly repository: FolderRepository;
  readonly fronts: FrontLinks;
  readonly loadSlots: LoadSlots;
  loadVersion(artifact: ModelArtifact, options: ModelConfig, calls: WarmUpCalls): Promise<LoadedVersion>;
  /** For a version of the model that is loading. */
  warmUpCalls(name: string, onWait: () => void): WarmUpCalls;
  /** A version has gone live: whoever needs the model may load now. */
  becameLive(name: string): void;
  isLive(ref: ModelRef): boolean;
  /** True when nothing of the model may be live: unloaded by API, or the server closes. */
  isHeld(name: string): boolean;
  /** Sends a new snapshot; resolves when all front ends have applied it. */
  announce(): Promise<void>;
}

export class ManagedModel {
  readonly name: string;
  readonly settings: ModelSettings;
  readonly #host: ModelHost;
  readonly #lives = new Map<number, VersionLife>();
  readonly #retirement: Retirement;
  readonly #serving = new ServingAliases();
  #stored: StoredModel | undefined;
  #config: ModelConfigInput = {};
  #settling: Promise<void> | undefined;
  /** Models without which a version could not load. */
  readonly #missing = new Set<string>();
  #changed = false;
  #hasSettled = false;

  constructor(name: string, host: ModelHost) {
    this.name = name;
    this.#host = host;
    this.#retirement = new Retirement(host.fronts);
    this.settings = new ModelSettings(name, host.repository);
  }

  /** What the folder holds now; undefined when it is gone. */
  update(stored: StoredModel | undefined, config: ModelConfigInput): Promise<void> {
    this.#stored = stored;
    this.#config = config;
    return this.settle();
  }

  /** Resolves when, by what is known from now on, nothing is left to do. Never rejects. */
  settle(): Promise<void> {
    this.#changed = true;
    this.#settling ??= this.#settle().finally(() => {
      this.#settling = undefined;
    });
    return this.#settling;
  }

  /** Settles, and tries again what has failed. */
  load(): Promise<void> {
    for (const life of this.#lives.values()) life.forgetFailure();
    return this.settle();
  }

  /** Tries again what could not load because another model was missing. */
  retryWith(name: string): void {
    if (this.#missing.delete(name)) void this.load();
  }

  /** Resolves when nothing is left to do; undefined when that is so now. */
  get settling(): Promise<void> | undefined {
    return this.#settling;
  }

  /** Whether something answers for the version, the alias, or the name alone. */
  isLive({ version, alias }: Omit<ModelRef, 'name'>): boolean {
    const wanted = version ?? (alias === undefined ? this.defaultVersion : this.#serving.get(alias));
    return wanted !== undefined && this.#lives.get(wanted)?.loaded !== undefined;
  }

  /** Whether the version's files are there, whatever is in them. */
  has(version: number): boolean {
    return this.#storedVersion(version) !== undefined;
  }

  /** Whether others have heard of the version. */
  knows(version: number): boolean {
    return this.statuses().some((status) => status.version === version);
  }

  /** Resolves when everything that was unloaded has left the memory. */
  retired(): Promise<void> {
    return this.#retirement.done();
  }

  get stored(): StoredModel | undefined {
    return this.#stored;
  }

  /** Whether everything that should be live was tried at least once. */
  get hasSettled(): boolean {
    return this.#hasSettled;
  }

  get isGone(): boolean {
    return (
      this.#stored === undefined &&
      this.#retirement.versions.length === 0 &&
      this.statuses().length === 0 &&
      this.#settling === undefined
    );
  }

  /** Every version that is there, or was and has not left yet; ascending. */
  statuses(): readonly VersionStatus[] {
    return Array.from(this.#lives.values())
      .filter(
        ({ version, loaded, state }) => loaded !== undefined || state === 'unloading' || this.#storedVersion(version),
      )
      .sort((a, b) => a.version - b.version)
      .map((life) => this.#status(life));
  }

  /** The version that answers for an alias now; its target when none does. */
  servingOf(alias: string): number | undefined {
    return this.#serving.get(alias) ?? this.settings.aliases[alias]?.version;
  }

  isServing(alias: string): boolean {
    return this.#serving.get(alias) === this.settings.aliases[alias]?.version;
  }

  /** What `name` alone means: the alias `default`, else the highest live version. */
  get defaultVersion(): number | undefined {
    return this.servingOf('default') ?? this.statuses().findLast(({ loaded }) => loaded !== undefined)?.version;
  }

  /** To be called when an alias has moved. */
  aliasesChanged(): Promise<void> {
    this.#updateServing();
    void this.settle();
    return this.#announce();
  }

  /** Versions with a run under way that began before the given instant; also of those that are being unloaded. */
  runningSinceBefore(instant: number): readonly ModelVersion[] {
    const all = [...Array.from(this.#lives.values(), ({ loaded }) => loaded), ...this.#retirement.versions];
    return all
      .filter((loaded) => (loaded?.runningSince() ?? Infinity) < instant)
      .map((loaded) => loaded!.descriptor.model);
  }

  /** Marks versions whose run takes too long as stuck, and those that have recovered as ready. */
  checkStuck(beganBefore: number): void {
    for (const life of this.#lives.values()) {
      const changed = life.checkStuck(beganBefore);
      if (changed === undefined) continue;
      notice.publish({ ...changed, model: life.model });
      void this.#announce();
    }
  }

  async #settle(): Promise<void> {
    while (this.#changed) {
      this.#changed = false;
      if (this.#stored !== undefined) await this.settings.refresh(this.#stored, this.#config);
      this.#updateServing();
      this.#inspect();
      const action = nextAction(this.#state());
      if (action === undefined) continue;
      // One step, then everything is looked at again.
      this.#changed = true;
      if ('unload' in action) await this.#unload(this.#life(action.unload));
      else await this.#load(this.#life('load' in action ? action.load : action.reload));
    }
    this.#hasSettled = true;
    await this.#announce();
  }

  async #load(life: VersionLife): Promise<void> {
    const stored = this.#storedVersion(life.version);
    const { options, optionsKey } = this.settings;
    if (typeof stored?.content !== 'object' || options === undefined) return;
    const artifact = stored.content;
    const from: Attempt = { files: stored.fingerprint, options: optionsKey };
    if (life.loaded === undefined) life.become('loading', '');
    void this.#announce();

    let loaded: LoadedVersion | undefined;
    let calls: WarmUpCalls | undefined;
    try {
      using slot = await this.#host.loadSlots.take();
      calls = this.#host.warmUpCalls(this.name, () => slot[Symbol.dispose]());
      if (this.#isWanted(life.version)) loaded = await this.#host.loadVersion(artifact, options, calls);
      await this.#refuseChanged(artifact, from);
      if (loaded !== undefined && this.#isWanted(life.version)) {
        await this.#host.fronts.prepare(loaded);
        await this.#swap(life, loaded, from);
        return;
      }
      await loaded?.[Symbol.asyncDispose]();
      if (life.loaded === undefined) life.become('unloaded', '');
    } catch (error) {
      await loaded?.[Symbol.asyncDispose]();
      await this.#fail(life, artifact, from, error);
      for (const name of calls?.missing ?? []) {
        // It may have come between the question and the failure.
        if (this.#host.isLive({ name })) life.forgetFailure();
        else this.#missing.add(name);
      }
    }
  }

  async #swap(life: VersionLife, loaded: LoadedVersion, from: Attempt): Promise<void> {
    const old = life.takeOver(loaded, from);
    this.#updateServing();
    await this.#announce();
    if (old !== undefined) void this.#retirement.add(old);
    this.#missing.clear();
    this.#host.becameLive(this.name);
  }

  async #unload(life: VersionLife): Promise<void> {
    const loaded = life.leave();
    this.#updateServing();
    await this.#announce();
    if (loaded === undefined) return;
    void this.#retirement.add(loaded).then(() => {
      if (life.state === 'unloading') life.become('unloaded', '');
      return this.#announce();
    });
  }

  /** Whatever came of files that were still changing is worth nothing: they are tried again when they have settled. */
  async #refuseChanged(artifact: ModelArtifact, { files }: Attempt): Promise<void> {
    if ((await this.#host.repository.fingerprintOf(artifact)) !== files) throw STILL_CHANGING;
  }

  async #fail(life: VersionLife, artifact: ModelArtifact, from: Attempt, cause: unknown): Promise<void> {
    const error = await this.#refuseChanged(artifact, from).then(
      () => cause,
      (changed: unknown) => changed,
    );
    if (error === STILL_CHANGING) return life.fail(from, 'loading', STILL_CHANGING.message);
    const reason = error instanceof ServeryError ? error.message : 'it failed to load; the log has the details';
    life.fail(from, 'failed', reason);
    const kept = life.loaded === undefined ? '' : '; it stays as it was loaded before';
    notice.publish({ level: 'error', message: `Cannot load: ${reason}${kept}`, model: life.model, error });
  }

  #inspect(): void {
    for (const stored of this.#stored?.versions ?? []) {
      const life = this.#life(stored.version);
      const message = life.inspect(stored);
      if (message !== undefined) notice.publish({ level: 'error', message, model: life.model });
    }
    for (const [version, { loaded, state }] of this.#lives) {
      const isGone = this.#storedVersion(version) === undefined;
      if (isGone && loaded === undefined && state !== 'unloading') this.#lives.delete(version);
    }
  }

  #state(): ModelState {
    const { options, optionsKey, aliases } = this.settings;
    const known = Array.from(this.#lives.values(), (life) => ({ life, stored: this.#storedVersion(life.version) }));
    return {
      versions: known
        .filter(({ life, stored }) => stored !== undefined || life.loaded !== undefined)
        .map(({ life, stored }) => ({
          version: life.version,
          onDisk: stored !== undefined,
          state: life.policyState(stored, options && optionsKey),
        })),
      policy: options?.versions ?? { latest: 1 },
      aliases: this.#serving.states(aliases),
      pinned: [],
      held: this.#host.isHeld(this.name),
    };
  }

  #isWanted(version: number): boolean {
    return wantedVersions(this.#state()).has(version);
  }

  #status({ version, state, reason, loaded }: VersionLife): VersionStatus {
    const { options, optionsProblem } = this.settings;
    if (state !== 'unloaded') return { version, state, reason, loaded };
    if (options === undefined && optionsProblem !== '') {
      return { version, state: 'failed', reason: optionsProblem, loaded };
    }
    if (this.#host.isHeld(this.name)) return { version, state, reason: 'unloaded by API', loaded };
    const policy = formatPolicy(options?.versions ?? { latest: 1 });
    return { version, state, reason: `not wanted: versions is ${policy} and no alias names it`, loaded };
  }

  #updateServing(): void {
    this.#serving.update(this.settings.aliases, (version) => this.#lives.get(version)?.loaded !== undefined);
  }

  async #announce(): Promise<void> {
    try {
      await this.#host.announce();
    } catch (error) {
      notice.publish({ level: 'error', message: 'A front end did not apply a snapshot', error });
    }
  }

  #storedVersion(version: number): StoredVersion | undefined {
    return this.#stored?.versions.find((stored) => stored.version === version);
  }

  #life(version: number): VersionLife {
    const life = this.#lives.get(version) ?? new VersionLife({ name: this.name, version });
    this.#lives.set(version, life);
    return life;
  }
}

const STILL_CHANGING = new ServeryError('MODEL_INVALID', 'its files are still changing');
