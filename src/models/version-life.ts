/** One version of a model from its first sight to its last: what is loaded, from which files, and what went wrong. */
import { versionStateChanged, type Notice, type VersionState } from '../core/events.ts';
import type { ModelVersion } from '../core/model.ts';
import type { StoredVersion } from '../repository/settle.ts';
import type { LoadedVersion } from './load-version.ts';
import type { KnownVersion } from './version-policy.ts';

/** A version as others see it. */
export interface VersionStatus {
  readonly version: number;
  readonly state: VersionState;
  readonly reason: string;
  /** Set while it is live. */
  readonly loaded: LoadedVersion | undefined;
}

/** What a version was made from: the fingerprint of its files, and the key of its options. */
export interface Attempt {
  readonly files: string;
  readonly options: string;
}

export class VersionLife implements VersionStatus {
  readonly model: ModelVersion;
  #state: VersionState = 'unloaded';
  #reason = '';
  #loaded: LoadedVersion | undefined;
  #loadedFrom: Attempt | undefined;
  /** Not made again until the files or the options change. */
  #failed: Attempt | undefined;
  /** The files of which a problem was reported: once for each change. */
  #reported: string | undefined;

  constructor(model: ModelVersion) {
    this.model = model;
  }

  get version(): number {
    return this.model.version;
  }
  get state(): VersionState {
    return this.#state;
  }
  get reason(): string {
    return this.#reason;
  }
  get loaded(): LoadedVersion | undefined {
    return this.#loaded;
  }

  become(state: VersionState, reason: string): void {
    this.#state = state;
    this.#reason = reason;
    versionStateChanged.publish({ model: this.model, state, reason });
  }

  /** @returns what was loaded before, for the caller to release */
  takeOver(loaded: LoadedVersion, from: Attempt): LoadedVersion | undefined {
    const old = this.#loaded;
    this.#loaded = loaded;
    this.#loadedFrom = from;
    this.#failed = undefined;
    this.#reported = undefined;
    this.become('ready', '');
    return old;
  }

  /** @returns what was loaded, for the caller to release */
  leave(): LoadedVersion | undefined {
    const old = this.#loaded;
    this.#loaded = undefined;
    this.become('unloading', '');
    return old;
  }

  /** An attempt to load came to nothing. What is loaded stays. */
  fail(failed: Attempt, state: 'failed' | 'loading', reason: string): void {
    this.#failed = failed;
    if (this.#loaded === undefined) this.become(state, reason);
    else if (state === 'failed') this.#reason = `it stays as it was loaded before: ${reason}`;
  }

  forgetFailure(): void {
    this.#failed = undefined;
  }

  /** Is stuck while a run that began before the given instant goes on. @returns what to tell when that has changed */
  checkStuck(beganBefore: number): Pick<Notice, 'level' | 'message'> | undefined {
    if (this.#loaded === undefined || (this.#state !== 'ready' && this.#state !== 'stuck')) return undefined;
    const isStuck = (this.#loaded.runningSince() ?? Infinity) < beganBefore;
    if (isStuck === (this.#state === 'stuck')) return undefined;
    this.become(isStuck ? 'stuck' : 'ready', isStuck ? 'a run does not end' : '');
    return isStuck
      ? { level: 'error', message: 'A run does not end: the model is stuck' }
      : { level: 'info', message: 'The run has ended: the model is ready again' };
  }

  /** What the policy needs to know of it. @param options key of the present options; undefined when there are none */
  policyState(stored: StoredVersion | undefined, options: string | undefined): KnownVersion['state'] {
    const files = stored?.fingerprint;
    const hasFailed = this.#failed !== undefined && this.#failed.files === files && this.#failed.options === options;
    if (this.#loaded === undefined) {
      return hasFailed || options === undefined || typeof stored?.content === 'string' ? 'failed' : 'absent';
    }
    // Changed files are not what was loaded: loading again would bring something else in.
    const isSame = this.#loadedFrom!.files === files;
    return isSame && this.#loadedFrom!.options !== options && !hasFailed ? 'outdated' : 'live';
  }

  /** Compares with the files that are there now. @returns what to tell the operator, once for each change */
  inspect({ fingerprint, content }: StoredVersion): string | undefined {
    if (this.#loaded === undefined) {
      if (typeof content !== 'string') {
        // Repaired, or completed: its failure is history, whether or not somebody wants it now.
        if (this.#state === 'failed' && this.#failed?.files !== fingerprint) this.become('unloaded', '');
        return undefined;
      }
      if (this.#reported === fingerprint) return undefined;
      this.#reported = fingerprint;
      this.become('failed', content);
      return `Cannot load: ${content}`;
    }
    if (this.#loadedFrom!.files === fingerprint) {
      if (this.#reason === CHANGED_IN_PLACE) this.#reason = '';
      this.#reported = undefined;
      return undefined;
    }
    if (this.#reason === '') this.#reason = CHANGED_IN_PLACE;
    if (this.#reported === fingerprint) return undefined;
    this.#reported = fingerprint;
    return `A version never changes, but ${CHANGED_IN_PLACE}`;
  }
}

const CHANGED_IN_PLACE = 'its files have changed; the version stays as it was loaded';
