/**
 * Predictions that a handler asks of other models while it warms up, when those may still be loading.
 *
 * They wait until the other model is live, so that handlers need no order of their own. Two that wait for each
 * other would wait for ever: the one that closes the circle is refused. Whom a version asked in vain is kept,
 * and it is tried again when that model becomes live.
 */
import { ServeryError, quote } from '../core/errors.ts';
import { parseModelRef, type ModelRef } from '../core/model.ts';
import type { PredictRows } from '../runtime/runtime.ts';

/** All models, as far as a handler that asks one of them needs to know. */
export interface AskedModels {
  /** Whether front ends answer for it. */
  isLive(ref: ModelRef): boolean;
  /** Resolves when nothing more will become of the model by itself; undefined when that is so now. */
  settling(name: string): Promise<void> | undefined;
  /** Predicts on a front end. */
  readonly predictRows: PredictRows;
}

export interface WarmUpCalls {
  readonly predictRows: PredictRows;
  /** Models that were not live when they were asked. */
  readonly missing: ReadonlySet<string>;
}

export class WarmUps {
  readonly #models: AskedModels;
  readonly #waits = new Set<{ readonly name: string; readonly other: string }>();

  constructor(models: AskedModels) {
    this.#models = models;
  }

  /** @param onWait called when the version begins to wait: others may use its place among the loading ones */
  callsOf(name: string, onWait: () => void): WarmUpCalls {
    const missing = new Set<string>();
    return {
      missing,
      predictRows: async (model, rows, options) => {
        const ref = parseModelRef(model);
        if (!this.#models.isLive(ref)) {
          // Also while it waits: the call may end meanwhile, by its deadline.
          missing.add(ref.name);
          await this.#wait(name, ref, onWait);
          if (this.#models.isLive(ref)) missing.delete(ref.name);
        }
        return this.#models.predictRows(model, rows, options);
      },
    };
  }

  async #wait(name: string, { name: other }: ModelRef, onWait: () => void): Promise<void> {
    const settling = this.#models.settling(other);
    if (settling === undefined) return;
    if (this.#isWaitingFor(other, name)) {
      const message = `Cannot ask model ${quote(other)} now: to load, it waits for model ${quote(name)}`;
      throw new ServeryError('MODEL_NOT_READY', message);
    }
    const wait = { name, other };
    this.#waits.add(wait);
    onWait();
    await settling;
    this.#waits.delete(wait);
  }

  /** Whether `name` waits for `other`, directly or through others, or is it. */
  #isWaitingFor(name: string, other: string): boolean {
    if (name === other) return true;
    // No circle is ever closed, so this ends.
    return Array.from(this.#waits).some((wait) => wait.name === name && this.#isWaitingFor(wait.other, other));
  }
}
