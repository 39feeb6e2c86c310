/**
 * The control side of all models: what the repository holds is turned into what the front ends serve.
 *
 * It owns every loaded version. Admin calls (aliases, load, unload) and changes of the folder end in the
 * same place, `ManagedModel.settle`, so they cannot contradict each other.
 */
import { systemClock, type Clock } from '../core/clock.ts';
import { ServeryError, quote } from '../core/errors.ts';
import { notice } from '../core/events.ts';
import type { ModelArtifact, ModelRef, ModelVersion } from '../core/model.ts';
import type { FolderRepository } from '../repository/folder-repository.ts';
import type { RepositoryView } from '../repository/settle.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { ControlApi, ModelDetails, ModelSummary } from './control-api.ts';
import { detailsOf, entryOf, gaugesOf, isSatisfied, summaryOf, type VersionGauges } from './describe.ts';
import type { FrontLink } from './front-link.ts';
import { FrontLinks } from './front-links.ts';
import { Holds } from './holds.ts';
import { publishFiles } from './incoming-files.ts';
import { LoadSlots } from './load-slots.ts';
import { loadVersion, type LoadedVersion, type Probe } from './load-version.ts';
import { ManagedModel, type ModelHost } from './managed-model.ts';
import type { ModelConfig, ModelConfigInput } from './model-options.ts';
import { sharersOfRoute } from './shared-routes.ts';
import { notThereYet, type Snapshot } from './snapshot.ts';
import { WarmUps, type AskedModels, type WarmUpCalls } from './warm-up-calls.ts';

/** Loading takes a core and memory for the old and the new model; more than this would starve the serving ones. */
const LOADS_AT_ONCE = 2;
const STUCK_CHECK_MS = 1000;

export interface ModelsOptions {
  /** Borrowed: whoever opened it closes it, after the models. */
  readonly repository: FolderRepository;
  readonly runtimes: readonly Runtime[];
  readonly probe: Probe;
  /** What the configuration says about each model. */
  readonly config?: Readonly<Record<string, ModelConfigInput>>;
  /** A run that takes longer makes its version `stuck`. */
  readonly stuckAfterMs?: number;
  readonly clock?: Clock;
}

type ModelApi = Pick<
  ControlApi,
  'listModels' | 'showModel' | 'setAlias' | 'removeAlias' | 'rollback' | 'load' | 'unload'
>;

export class Models implements ModelApi, ModelHost, AskedModels, AsyncDisposable {
  readonly repository: FolderRepository;
  readonly fronts = new FrontLinks();
  readonly loadSlots = new LoadSlots(LOADS_AT_ONCE);
  readonly predictRows = this.fronts.predictRows;
  readonly #warmUps = new WarmUps(this);
  readonly #runtimes: readonly Runtime[];
  readonly #probe: Probe;
  readonly #stuckAfterMs: number;
  readonly #clock: Clock;
  readonly #holds: Holds;
  readonly #models = new Map<string, ManagedModel>();
  #config: Readonly<Record<string, ModelConfigInput>>;
  #view: RepositoryView = { models: [], notes: [] };
  #sequence = 0;
  #lastKey = 0;
  #isStarted = false;
  #wasReady = false;
  #isReady = false;
  #isDraining = false;
  #isClosing = false;
  #announcing: Promise<void> | undefined;
  #stuckCheck: Disposable | undefined;

  constructor({ repository, runtimes, probe, config = {}, stuckAfterMs = 30_000, clock = systemClock }: ModelsOptions) {
    this.repository = repository;
    this.#holds = new Holds(repository);
    this.#runtimes = runtimes;
    this.#probe = probe;
    this.#config = config;
    this.#stuckAfterMs = stuckAfterMs;
    this.#clock = clock;
  }

  /** Begins to follow the repository; resolves when everything that is there was loaded, or has failed. */
  async start(): Promise<void> {
    await this.#holds.read();
    this.#see(await this.repository.watch((view) => this.#see(view)));
    this.#checkStuck();
    await Promise.all(Array.from(this.#models.values(), (model) => model.settle()));
    this.#isStarted = true;
    await this.announce();
  }

  /** Takes a front end in; resolves when it can answer for every live version. */
  join(link: FrontLink): Promise<void> {
    return this.fronts.join(link);
  }

  /** Forgets a front end that is gone. */
  leave(link: FrontLink): void {
    this.fronts.leave(link);
  }

  /** A new configuration: versions whose options have changed are loaded again, beside the old ones. */
  async configure(config: Readonly<Record<string, ModelConfigInput>>): Promise<void> {
    this.#config = config;
    await this.#updateAll();
  }

  /** Not ready from now on, while everything is still served. */
  async drain(): Promise<void> {
    this.#isDraining = true;
    await this.announce();
  }

  /** Versions with a run that began before the given instant and has not ended, for a shutdown that cannot wait. */
  runningSinceBefore(instant: number): readonly ModelVersion[] {
    return Array.from(this.#models.values()).flatMap((model) => model.runningSinceBefore(instant));
  }

  /** Whether the server is ready, as it was told to the front ends last. */
  get isReady(): boolean {
    return this.#isReady;
  }

  /**
   * @throws {ServeryError} `MODEL_NOT_FOUND` when the model or the version that is named does not exist; before all of
   *   them have been seen, `MODEL_NOT_READY`
   */
  liveVersions(name?: string, version?: number): readonly ModelVersion[] {
    const models = name === undefined ? Array.from(this.#models.values()) : [this.#model(name)];
    if (name !== undefined && version !== undefined && !models[0]!.knows(version)) throw noVersion(name, version);
    return models
      .flatMap((model) => model.statuses())
      .flatMap(({ loaded }) => (loaded === undefined ? [] : [loaded.descriptor.model]))
      .filter((model) => version === undefined || model.version === version);
  }

  gauges(): readonly VersionGauges[] {
    return Array.from(this.#models.values()).flatMap(gaugesOf);
  }

  async listModels(): Promise<readonly ModelSummary[]> {
    return Array.from(this.#models.values(), (model) => this.#summary(model)).sort(byName);
  }

  async showModel(name: string): Promise<ModelDetails> {
    const model = this.#model(name);
    return detailsOf(model, this.isHeld(name));
  }

  async setAlias(name: string, alias: string, version: number): Promise<ModelSummary> {
    // A version that has come a moment ago may not have settled: the alias waits for it.
    const isKnown = this.#models.get(name)?.has(version) === true;
    if (!isKnown) await this.repository.refresh();
    const model = this.#model(name);
    if (!isKnown && !(await this.repository.holds(name, version))) throw noVersion(name, version);
    await model.settings.setAlias(alias, version);
    await model.aliasesChanged();
    return this.#summary(model);
  }

  async removeAlias(name: string, alias: string): Promise<ModelSummary> {
    const model = this.#model(name);
    await model.settings.removeAlias(alias);
    await model.aliasesChanged();
    return this.#summary(model);
  }

  async rollback(name: string, alias?: string): Promise<ModelSummary> {
    const model = this.#model(name);
    await model.settings.rollback(alias, (version) => model.has(version));
    await model.aliasesChanged();
    return this.#summary(model);
  }

  async load(name: string, files?: Readonly<Record<string, Uint8Array>>): Promise<void> {
    this.#refuseClosing();
    if (files !== undefined) await publishFiles(this.repository, (artifact) => this.#runtimeFor(artifact), name, files);
    if (!this.#models.has(name)) await this.repository.refresh();
    const model = this.#model(name);
    await this.#holds.set(name, false);
    await model.load();
    this.#refuseClosing();
    if (this.isHeld(name)) {
      throw new ServeryError('CONFLICT', `Model ${quote(name)} was unloaded while it was loading`);
    }
    const statuses = model.statuses();
    if (statuses.some(({ loaded }) => loaded !== undefined)) return;
    const reasons = statuses.map(({ version, reason }) => `${version}: ${reason}`).join('; ');
    throw new ServeryError('MODEL_INVALID', `Cannot load model ${quote(name)}: ${reasons || 'it has no version'}`);
  }

  async unload(name: string): Promise<void> {
    const model = this.#model(name);
    await this.#holds.set(name, true);
    await model.settle();
    await model.retired();
  }

  /** Unloads everything. The front ends have finished their requests by then, or lose them. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosing = true;
    this.#stuckCheck?.[Symbol.dispose]();
    const models = Array.from(this.#models.values());
    await Promise.all(models.map((model) => model.settle()));
    await Promise.all(models.map((model) => model.retired()));
    // Of what has left the front ends were told just now, and they may end when this returns.
    await this.fronts.caughtUp();
  }

  /** For `ManagedModel`: whether nothing of the model may be live. */
  isHeld(name: string): boolean {
    return this.#isClosing || this.#holds.has(name);
  }

  /** For `ManagedModel`. */
  async loadVersion(
    artifact: ModelArtifact,
    options: ModelConfig,
    { predictRows }: WarmUpCalls,
  ): Promise<LoadedVersion> {
    const key = (this.#lastKey += 1);
    return loadVersion(this.#runtimeFor(artifact), artifact, options, {
      key,
      probe: this.#probe,
      predictRows,
      gentle: this.#isStarted,
    });
  }

  /** For `ManagedModel`. */
  warmUpCalls(name: string, onWait: () => void): WarmUpCalls {
    return this.#warmUps.callsOf(name, onWait);
  }

  /** For `ManagedModel`. */
  becameLive(name: string): void {
    for (const model of this.#models.values()) model.retryWith(name);
    const [first, ...hidden] = sharersOfRoute(this.#models.values(), name);
    for (const { route, name: hiddenName, version } of hidden) {
      const message = `It does not answer at its route ${route}: that of model ${quote(first!.name)} is the same`;
      notice.publish({ level: 'warn', message, model: { name: hiddenName, version } });
    }
  }

  /** For `ManagedModel` and `WarmUps`. */
  isLive(ref: ModelRef): boolean {
    return this.#models.get(ref.name)?.isLive(ref) ?? false;
  }

  /** For `WarmUps`. */
  settling(name: string): Promise<void> | undefined {
    return this.#models.get(name)?.settling;
  }

  /** For `ManagedModel`: sends a snapshot; calls before it is made share it. Resolves when all have applied it. */
  announce(): Promise<void> {
    this.#announcing ??= this.fronts.apply(() => {
      this.#announcing = undefined;
      return this.#makeSnapshot();
    });
    return this.#announcing;
  }

  #makeSnapshot(): Snapshot {
    this.#sequence += 1;
    const models = Array.from(this.#models.values());
    // Once ready, only closing ends it: a version that loads, or fails, beside others is its model's affair.
    this.#wasReady ||= this.#isStarted && models.every((model) => isSatisfied(model, this.isHeld(model.name)));
    this.#isReady = this.#wasReady && !this.#isDraining && !this.#isClosing;
    const entries = models.map(entryOf).sort(byName);
    return { sequence: this.#sequence, ready: this.#isReady, complete: this.#isStarted, models: entries };
  }

  #see(view: RepositoryView): void {
    if (this.#isClosing) return;
    for (const note of view.notes) {
      if (!this.#view.notes.includes(note)) notice.publish({ level: 'warn', message: note });
    }
    this.#view = view;
    void this.#updateAll();
  }

  async #updateAll(): Promise<void> {
    const stored = new Map(this.#view.models.map((model) => [model.name, model]));
    const names = new Set([...stored.keys(), ...this.#models.keys()]);
    await Promise.all(Array.from(names, (name) => this.#update(name, stored.get(name))));
  }

  async #update(name: string, stored: RepositoryView['models'][number] | undefined): Promise<void> {
    const model = this.#models.get(name) ?? new ManagedModel(name, this);
    this.#models.set(name, model);
    await model.update(stored, Object.hasOwn(this.#config, name) ? this.#config[name]! : {});
    if (stored !== undefined || model.stored !== undefined) return;
    await model.retired();
    if (!model.isGone) return;
    this.#models.delete(name);
    await this.announce();
  }

  #checkStuck(): void {
    const before = this.#clock.now() - this.#stuckAfterMs;
    for (const model of this.#models.values()) model.checkStuck(before);
    if (!this.#isClosing) this.#stuckCheck = this.#clock.after(STUCK_CHECK_MS, () => this.#checkStuck());
  }

  #runtimeFor({ format, file }: ModelArtifact): Runtime {
    const runtime = this.#runtimes.find((candidate) => candidate.format === format);
    if (runtime !== undefined) return runtime;
    throw new ServeryError('MODEL_INVALID', `Cannot load ${file}: no runtime for it is configured`);
  }

  #summary(model: ManagedModel): ModelSummary {
    return summaryOf(model, this.isHeld(model.name));
  }

  #model(name: string): ManagedModel {
    const model = this.#models.get(name);
    if (model !== undefined) return model;
    if (!this.#isStarted) throw notThereYet(`Model ${quote(name)} is not found`);
    throw new ServeryError('MODEL_NOT_FOUND', `Request for unknown model: ${quote(name)} is not found`);
  }

  #refuseClosing(): void {
    if (this.#isClosing) throw new ServeryError('SHUTTING_DOWN', 'The server is shutting down');
  }
}

function noVersion(name: string, version: number): ServeryError {
  return new ServeryError('MODEL_NOT_FOUND', `Model ${quote(name)} has no version ${version}`);
}

function byName(a: { readonly name: string }, b: { readonly name: string }): number {
  return a.name < b.name ? -1 : 1;
}
