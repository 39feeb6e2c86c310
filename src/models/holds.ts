/** The models that an unload by API holds back, until a load; also after a restart. */
import type { FolderRepository } from '../repository/folder-repository.ts';

export class Holds {
  readonly #repository: FolderRepository;
  #names: ReadonlySet<string> = new Set();
  #turn: Promise<unknown> = Promise.resolve();

  constructor(repository: FolderRepository) {
    this.#repository = repository;
  }

  /** @throws {ServeryError} `CONFIG_INVALID` when what was remembered cannot be read */
  async read(): Promise<void> {
    this.#names = await this.#repository.readHolds();
  }

  has(name: string): boolean {
    return this.#names.has(name);
  }

  /** Remembered before it takes effect: what was answered must hold after a crash. */
  set(name: string, isHeld: boolean): Promise<void> {
    const turn = this.#turn.then(async () => {
      if (this.has(name) === isHeld) return;
      const names = new Set(this.#names);
      if (isHeld) names.add(name);
      else names.delete(name);
      await this.#repository.writeHolds(names);
      this.#names = names;
    });
    this.#turn = turn.catch(() => undefined);
    return turn;
  }
}
