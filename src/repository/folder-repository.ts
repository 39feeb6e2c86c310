/**
 * Versions at rest in a folder: `models/NAME/VERSION/`.
 *
 * Looks at the folder when something happens there, and about twice a second besides (less often where many models
 * make a look long), and tells its one listener what is complete. Everything that is written there by Servery is
 * written through here.
 */
import { readFile, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { systemClock, type Clock } from '../core/clock.ts';
import { notice, type Notice } from '../core/events.ts';
import type { ModelVersion } from '../core/model.ts';
import { readAliases, writeAliases, type Aliases } from './aliases-file.ts';
import { readHolds, writeHolds } from './holds-file.ts';
import {
  publishVersion,
  receiveVersion,
  removeAbandonedStaging,
  type Incoming,
  type PublishOptions,
} from './publish.ts';
import { OPTIONS_FILE, scanModels, type Scan } from './scan.ts';
import { SETTLE_MS, Settler, viewOf, type RepositoryView } from './settle.ts';
import { readVersionFolder } from './version-folder.ts';
import { removeUnpacked, unpackArchives } from './unpack-archives.ts';
import { FolderWatch } from './watch.ts';

const NOTHING: Scan = { models: [], notes: [] };
/** Looks take at most this share of the time, as long as a change is found within about a second. */
const LOOKING_SHARE = 1 / 50;
const LONGEST_POLL_MS = 900;
/** A timer may fire a little before its time. */
const TIMER_SLACK_MS = 5;

export interface FolderRepositoryOptions {
  readonly modelsFolder: string;
  /** Where holds are remembered (`.servery`). */
  readonly stateFolder: string;
  readonly pollMs?: number;
  readonly clock?: Clock;
}

export class FolderRepository implements AsyncDisposable {
  readonly #folder: string;
  readonly #stateFolder: string;
  readonly #pollMs: number;
  readonly #clock: Clock;
  readonly #settler = new Settler();
  readonly #watch: FolderWatch;
  #listener: ((view: RepositoryView) => void) | undefined;
  #view: RepositoryView = { models: [], notes: [] };
  #unsettled = false;
  #lookSoon = false;
  /** The look that is under way, and the one that begins after it. */
  #looking: Promise<void> | undefined;
  #next: Promise<void> | undefined;
  #timer: Disposable | undefined;
  #wasThere = false;
  #trouble = '';
  #closed = false;

  constructor({ modelsFolder, stateFolder, pollMs = 400, clock = systemClock }: FolderRepositoryOptions) {
    this.#folder = modelsFolder;
    this.#stateFolder = stateFolder;
    this.#pollMs = pollMs;
    this.#clock = clock;
    this.#watch = new FolderWatch(() => void this.refresh(), clock);
  }

  /** Looks once and takes everything as complete: for commands that do not stay. */
  async list(): Promise<RepositoryView> {
    return viewOf((await this.#scan()) ?? NOTHING);
  }

  /**
   * Looks now, then whenever something may have changed, until disposed. Returns when what was there at the
   * beginning has settled, or shows by its changes that it is still being copied.
   *
   * @param listener gets each view that differs from the one before
   */
  async watch(listener: (view: RepositoryView) => void): Promise<RepositoryView> {
    await removeUnpacked(this.#stateFolder);
    await this.refresh();
    for (const { folder } of this.#view.models) await removeAbandonedStaging(folder, this.#clock.now());
    if (this.#unsettled) {
      await this.#waitForSettling();
      await this.refresh();
    }
    this.#listener = listener;
    return this.#view;
  }

  /** Looks, beginning now, and returns when the listener knows what was found. */
  refresh(): Promise<void> {
    if (this.#looking === undefined) return this.#look();
    this.#next ??= this.#looking.then(() => {
      this.#next = undefined;
      return this.#look();
    });
    return this.#next;
  }

  /** Fingerprint of a version's files as they are now, settled or not; undefined when they are gone. */
  async fingerprintOf({ name, version }: ModelVersion): Promise<string | undefined> {
    try {
      const folder = join(this.#folder, name, String(version));
      return (await readVersionFolder(folder, await realpath(this.#folder))).fingerprint;
    } catch {
      return undefined;
    }
  }

  /** The text of `model.yaml`, or undefined when there is none. */
  async readOptions(name: string): Promise<string | undefined> {
    try {
      return await readFile(join(this.#folder, name, OPTIONS_FILE), 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  }

  /** @throws {ServeryError} `CONFIG_INVALID` when `aliases.json` is there but cannot be understood */
  async readAliases(name: string): Promise<Aliases> {
    return readAliases(join(this.#folder, name), name);
  }

  async writeAliases(name: string, aliases: Aliases): Promise<void> {
    await writeAliases(join(this.#folder, name), aliases);
  }

  async readHolds(): Promise<ReadonlySet<string>> {
    return readHolds(this.#stateFolder);
  }

  async writeHolds(holds: ReadonlySet<string>): Promise<void> {
    await writeHolds(this.#stateFolder, holds);
  }

  /** Adds a version atomically; see publish.ts. */
  async publish(
    name: string,
    source: string | Readonly<Record<string, Uint8Array>>,
    options: PublishOptions = {},
  ): Promise<ModelVersion> {
    const published = await publishVersion(this.#folder, name, source, options);
    this.#settler.trust(published.name, published.version);
    return published;
  }

  /** Whether the version has a folder, complete or not. */
  async holds(name: string, version: number): Promise<boolean> {
    const found = await stat(join(this.#folder, name, String(version))).catch(() => undefined);
    return found?.isDirectory() === true;
  }

  /** Keeps files aside until it is known whether they are any good; see publish.ts. */
  async receive(name: string, version: number, files: Readonly<Record<string, Uint8Array>>): Promise<Incoming> {
    return receiveVersion(this.#stateFolder, { name, version }, files);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    this.#listener = undefined;
    this.#timer?.[Symbol.dispose]();
    this.#watch[Symbol.dispose]();
    await (this.#next ?? this.#looking);
  }

  async #waitForSettling(): Promise<void> {
    // Timers of a clock let the process end; somebody waits for this one.
    const keepAlive = setInterval(() => undefined, 60_000);
    await new Promise<void>((resolve) => this.#clock.after(SETTLE_MS + TIMER_SLACK_MS, resolve));
    clearInterval(keepAlive);
  }

  #look(): Promise<void> {
    this.#looking = this.#lookNow().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  /** Never rejects: a folder that cannot be read for a while changes nothing but the log. */
  async #lookNow(): Promise<void> {
    if (this.#closed) return;
    this.#timer?.[Symbol.dispose]();
    const startedAt = performance.now();
    try {
      const scan = await this.#scan();
      if (scan === undefined && this.#wasThere) {
        this.#report('error', 'The models folder is gone: the models that are loaded stay until it is back');
      } else {
        // Jobs may need none.
        if (scan === undefined) this.#report('info', 'There is no models folder yet');
        else this.#trouble = '';
        this.#wasThere = scan !== undefined;
        this.#see(scan ?? NOTHING);
      }
    } catch (error) {
      this.#report('error', 'Cannot look at the models folder: the models that are loaded stay', error);
    }
    if (this.#closed) return;
    const rare = Math.max(this.#pollMs, Math.min((performance.now() - startedAt) / LOOKING_SHARE, LONGEST_POLL_MS));
    const delayMs = this.#lookSoon ? Math.min(SETTLE_MS + TIMER_SLACK_MS, this.#pollMs) : rare;
    this.#timer = this.#clock.after(delayMs, () => void this.refresh());
  }

  async #scan(): Promise<Scan | undefined> {
    const scan = await scanModels(this.#folder);
    return scan && unpackArchives(scan, this.#stateFolder);
  }

  #see(scan: Scan): void {
    const { view, unsettled } = this.#settler.look(scan, this.#clock.now());
    const folders = [this.#folder, ...view.models.map(({ folder }) => folder)];
    this.#lookSoon = (!this.#closed && this.#watch.follow(folders)) || unsettled;
    this.#unsettled = unsettled;
    const changed = JSON.stringify(view) !== JSON.stringify(this.#view);
    this.#view = view;
    if (changed) this.#listener?.(view);
  }

  /** Once for each trouble, not twice a second. */
  #report(level: Notice['level'], message: string, error?: unknown): void {
    if (this.#trouble !== message) notice.publish({ level, message, error });
    this.#trouble = message;
  }
}
