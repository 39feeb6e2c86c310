/**
 * Says when a models folder may have changed: at once where the system reports it, else at the next poll.
 *
 * Folders are watched one by one (the models folder and each model's): the recursive mode of `fs.watch`
 * differs by system, and what happens inside a version folder may wait for the poll.
 */
import { watch, type FSWatcher } from 'node:fs';
import type { Clock } from '../core/clock.ts';

/** Events come in bursts; one look serves a burst. */
const DEBOUNCE_MS = 40;

export class FolderWatch implements Disposable {
  readonly #clock: Clock;
  readonly #onChange: () => void;
  readonly #watchers = new Map<string, FSWatcher>();
  #burst: Disposable | undefined;

  constructor(onChange: () => void, clock: Clock) {
    this.#onChange = onChange;
    this.#clock = clock;
  }

  /**
   * Watches exactly these folders from now on.
   *
   * @returns whether one is new: what happened there between the look that found it and now was not seen
   */
  follow(folders: readonly string[]): boolean {
    for (const [folder, watcher] of this.#watchers) {
      if (!folders.includes(folder)) this.#forget(folder, watcher);
    }
    return folders.filter((folder) => !this.#watchers.has(folder) && this.#add(folder)).length > 0;
  }

  #add(folder: string): boolean {
    try {
      const watcher = watch(folder, { persistent: false }, () => this.#changed());
      // The folder is gone, or the system has no watches left: the poll does without.
      watcher.on('error', () => this.#forget(folder, watcher));
      this.#watchers.set(folder, watcher);
      return true;
    } catch {
      return false; // the same, said synchronously
    }
  }

  #forget(folder: string, watcher: FSWatcher): void {
    watcher.close();
    if (this.#watchers.get(folder) === watcher) this.#watchers.delete(folder);
  }

  #changed(): void {
    this.#burst ??= this.#clock.after(DEBOUNCE_MS, () => {
      this.#burst = undefined;
      this.#onChange();
    });
  }

  [Symbol.dispose](): void {
    this.#burst?.[Symbol.dispose]();
    for (const [folder, watcher] of this.#watchers) this.#forget(folder, watcher);
  }
}
