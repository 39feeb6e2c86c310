/**
 * Versions on their way out: no snapshot names them any more, and a request may still hold them.
 *
 * Nobody waits for one but an unload: the next change of the model need not wait for the slowest request.
 */
import { notice } from '../core/events.ts';
import type { FrontLinks } from './front-links.ts';
import type { LoadedVersion } from './load-version.ts';

export class Retirement {
  readonly #fronts: FrontLinks;
  readonly #leaving = new Map<LoadedVersion, Promise<void>>();

  constructor(fronts: FrontLinks) {
    this.#fronts = fronts;
  }

  /** Resolves when every front end has released the version and its memory is free. Never rejects. */
  add(loaded: LoadedVersion): Promise<void> {
    const done = this.#release(loaded).finally(() => this.#leaving.delete(loaded));
    this.#leaving.set(loaded, done);
    return done;
  }

  /** The versions that have not left yet. */
  get versions(): readonly LoadedVersion[] {
    return Array.from(this.#leaving.keys());
  }

  async done(): Promise<void> {
    while (this.#leaving.size > 0) await Promise.all(this.#leaving.values());
  }

  async #release(loaded: LoadedVersion): Promise<void> {
    try {
      await this.#fronts.release(loaded.descriptor.key);
      await loaded[Symbol.asyncDispose]();
    } catch (error) {
      notice.publish({ level: 'error', message: 'Cannot unload', model: loaded.descriptor.model, error });
    }
  }
}
