/**
 * What the files beside a model's versions say: its options (`model.yaml` under the configuration) and its
 * aliases (`aliases.json`, seeded by the configuration).
 *
 * Both may be edited while the server runs. A file that cannot be understood is refused and what was read
 * before is kept; what is wrong is in `problems` until it is put right.
 */
import { ServeryError, quote } from '../core/errors.ts';
import { notice } from '../core/events.ts';
import { isModelName } from '../core/model.ts';
import { withAlias, withoutAlias, type Aliases } from '../repository/aliases-file.ts';
import type { FolderRepository } from '../repository/folder-repository.ts';
import type { StoredModel } from '../repository/settle.ts';
import { resolveModelOptions, type ModelConfig, type ModelConfigInput } from './model-options.ts';

export class ModelSettings {
  readonly #name: string;
  readonly #repository: FolderRepository;
  #options: ModelConfig | undefined;
  #optionsKey = '';
  #optionsProblem = '';
  #aliases: Aliases = {};
  #aliasesProblem = '';
  #seeds: Readonly<Record<string, number>> = {};
  /** What was read last: fingerprints and configuration. */
  #readOptions: string | undefined;
  #readAliases: string | undefined;
  /** Reading and writing the aliases take turns. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(name: string, repository: FolderRepository) {
    this.#name = name;
    this.#repository = repository;
  }

  /** Undefined as long as there was never a readable `model.yaml`. */
  get options(): ModelConfig | undefined {
    return this.#options;
  }

  /** Changes when a version must be loaded again for the options to take effect. */
  get optionsKey(): string {
    return this.#optionsKey;
  }

  get aliases(): Aliases {
    return this.#aliases;
  }

  get optionsProblem(): string {
    return this.#optionsProblem;
  }

  /** What people should know, a line each. */
  get notes(): readonly string[] {
    const differing = Object.entries(this.#seeds)
      .filter(([alias, version]) => this.#aliases[alias]?.version !== version)
      .map(([alias, version]) => {
        const now = this.#aliases[alias]?.version ?? 'nothing';
        return `alias ${quote(alias)} is ${version} in the configuration and ${now} in aliases.json, which counts`;
      });
    return [this.#optionsProblem, this.#aliasesProblem, ...differing].filter((line) => line !== '');
  }

  /** Reads again what has changed. */
  async refresh(stored: StoredModel, config: ModelConfigInput): Promise<void> {
    const optionsSource = `${stored.options} ${JSON.stringify(config)}`;
    if (optionsSource !== this.#readOptions) {
      this.#readOptions = optionsSource;
      await this.#refreshOptions(config);
    }
    const aliasesSource = `${stored.aliases} ${JSON.stringify(this.#seeds)}`;
    if (aliasesSource !== this.#readAliases) {
      this.#readAliases = aliasesSource;
      await this.#inTurn(() => this.#refreshAliases());
    }
  }

  setAlias(alias: string, version: number): Promise<void> {
    if (!isModelName(alias)) {
      throw new ServeryError('INVALID_REQUEST', `Cannot set alias ${quote(alias)}: that is not a name`, {
        hint: 'A name has letters, digits, _, - and . only, and begins with a letter, a digit or _.',
      });
    }
    return this.#inTurn(() => this.#write(withAlias(this.#aliases, alias, version)));
  }

  removeAlias(alias: string): Promise<void> {
    return this.#inTurn(async () => {
      this.#refuseUnknown(alias);
      if (Object.hasOwn(this.#seeds, alias)) {
        throw new ServeryError('CONFLICT', `Cannot remove alias ${quote(alias)}: the configuration names it`, {
          hint: `Remove it from \`models.${this.#name}.aliases\` of the configuration first.`,
        });
      }
      await this.#write(withoutAlias(this.#aliases, alias));
    });
  }

  /** @returns the alias that has moved */
  rollback(alias: string | undefined, exists: (version: number) => boolean): Promise<string> {
    return this.#inTurn(async () => {
      const name = alias ?? this.#onlyAlias();
      this.#refuseUnknown(name);
      const { previous } = this.#aliases[name]!;
      const problem = previous === undefined ? 'it has no previous target' : `version ${previous} is gone`;
      if (previous === undefined || !exists(previous)) {
        throw new ServeryError('CONFLICT', `Cannot roll back alias ${quote(name)}: ${problem}`);
      }
      await this.#write(withAlias(this.#aliases, name, previous));
      return name;
    });
  }

  async #refreshOptions(config: ModelConfigInput): Promise<void> {
    try {
      const text = await this.#repository.readOptions(this.#name);
      const options = resolveModelOptions(this.#name, text, config);
      const { versions: _versions, aliases, ...loading } = options;
      this.#options = options;
      this.#optionsKey = JSON.stringify(loading);
      this.#seeds = aliases;
      this.#optionsProblem = '';
    } catch (error) {
      this.#optionsProblem = this.#report(error);
    }
  }

  async #refreshAliases(): Promise<void> {
    try {
      this.#aliases = await this.#repository.readAliases(this.#name);
      this.#aliasesProblem = '';
    } catch (error) {
      this.#aliasesProblem = this.#report(error);
      return;
    }
    const missing = Object.entries(this.#seeds).filter(([alias]) => !Object.hasOwn(this.#aliases, alias));
    if (missing.length === 0) return;
    const seeded = { ...this.#aliases, ...Object.fromEntries(missing.map(([alias, version]) => [alias, { version }])) };
    try {
      await this.#write(seeded);
    } catch (error) {
      // A folder that cannot be written to: the configuration's aliases hold as long as this process does.
      this.#aliases = seeded;
      notice.publish({ level: 'warn', message: 'Cannot keep the aliases', model: { name: this.#name }, error });
    }
  }

  async #write(aliases: Aliases): Promise<void> {
    if (this.#aliasesProblem !== '') {
      throw new ServeryError('CONFLICT', `Cannot change the aliases of ${quote(this.#name)}: aliases.json is damaged`, {
        hint: 'Correct or remove aliases.json first; the change would overwrite it.',
      });
    }
    if (aliases === this.#aliases) return;
    await this.#repository.writeAliases(this.#name, aliases);
    this.#aliases = aliases;
  }

  #onlyAlias(): string {
    const names = Object.keys(this.#aliases);
    if (names.includes('default')) return 'default';
    if (names.length === 1) return names[0]!;
    throw new ServeryError('CONFLICT', `Cannot roll back ${quote(this.#name)}: it has ${names.length} aliases`, {
      hint: names.length === 0 ? 'Set an alias first.' : `Name one of ${names.join(', ')}.`,
    });
  }

  #refuseUnknown(alias: string): void {
    if (Object.hasOwn(this.#aliases, alias)) return;
    throw new ServeryError('MODEL_NOT_FOUND', `Model ${quote(this.#name)} has no alias ${quote(alias)}`);
  }

  #report(error: unknown): string {
    const message = error instanceof ServeryError ? error.message : 'a file beside the versions cannot be read';
    notice.publish({
      level: 'error',
      message: `${message}; what was read before is kept`,
      model: { name: this.#name },
      error,
    });
    return message;
  }

  #inTurn<T>(step: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(step);
    this.#turn = turn.catch(() => undefined);
    return turn;
  }
}
