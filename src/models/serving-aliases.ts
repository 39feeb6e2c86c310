/**
 * Which version answers for each alias now.
 *
 * An alias is desired state: it may be moved to a version that is still loading. Until that is live, the
 * one that answered before goes on, so moving an alias fails no request.
 */
import type { Aliases } from '../repository/aliases-file.ts';
import { servingVersion, type AliasState } from './version-policy.ts';

export class ServingAliases {
  readonly #serving = new Map<string, number>();

  /** To be called whenever aliases or live versions have changed. */
  update(aliases: Aliases, isLive: (version: number) => boolean): void {
    for (const alias of this.#serving.keys()) if (!Object.hasOwn(aliases, alias)) this.#serving.delete(alias);
    for (const [alias, { version }] of Object.entries(aliases)) {
      const serving = servingVersion(version, this.#serving.get(alias), isLive);
      if (serving === undefined) this.#serving.delete(alias);
      else this.#serving.set(alias, serving);
    }
  }

  get(alias: string): number | undefined {
    return this.#serving.get(alias);
  }

  states(aliases: Aliases): readonly AliasState[] {
    return Object.entries(aliases).map(([alias, { version }]) => ({ target: version, serving: this.get(alias) }));
  }
}
