/**
 * All front ends, spoken to as one.
 *
 * What is prepared and applied goes to every front end, one step after the other, so that one that joins
 * late (it has crashed and was replaced) gets exactly what the others have. Releasing may take as long
 * as a request and holds nothing else up.
 */
import { notice } from '../core/events.ts';
import type { FrontLink } from './front-link.ts';
import type { LoadedVersion } from './load-version.ts';
import type { Snapshot } from './snapshot.ts';
import type { PredictRows } from '../runtime/runtime.ts';
import { ServeryError } from '../core/errors.ts';

export class FrontLinks {
  readonly #links = new Set<FrontLink>();
  readonly #open = new Map<number, LoadedVersion>();
  #snapshot: Snapshot | undefined;
  #last: Promise<unknown> = Promise.resolve();

  /** Brings a front end to where the others are; from then on it is asked like them. */
  join(link: FrontLink): Promise<void> {
    return this.#inTurn(async () => {
      await Promise.all(Array.from(this.#open.values(), (version) => link.prepare(prepareOf(version))));
      if (this.#snapshot !== undefined) await link.apply(this.#snapshot);
      this.#links.add(link);
    });
  }

  /** Forgets a front end that is gone. */
  leave(link: FrontLink): void {
    this.#links.delete(link);
  }

  /** Opens a version on every front end; if one cannot, on none. */
  prepare(version: LoadedVersion): Promise<void> {
    return this.#inTurn(async () => {
      const { key } = version.descriptor;
      this.#open.set(key, version);
      try {
        await this.#onEach((link) => link.prepare(prepareOf(version)));
      } catch (error) {
        await this.release(key);
        throw error;
      }
    });
  }

  /** @param make called when it is this snapshot's turn, so that it is not older than what was prepared */
  apply(make: () => Snapshot): Promise<void> {
    return this.#inTurn(async () => {
      const snapshot = make();
      this.#snapshot = snapshot;
      await this.#onEach((link) => link.apply(snapshot));
    });
  }

  /** Resolves when everything that was prepared or applied until now has been. */
  async caughtUp(): Promise<void> {
    await this.#last;
  }

  /** Resolves when no front end uses the version any more. */
  async release(key: number): Promise<void> {
    this.#open.delete(key);
    try {
      await this.#onEach((link) => link.release(key));
    } catch (error) {
      // Its runner could not be closed in order; the model is disposed all the same.
      notice.publish({ level: 'error', message: 'A front end could not close a version', error });
    }
  }

  /** Asks one of them, when it has got everything that was prepared and applied until now. */
  readonly predictRows: PredictRows = async (model, rows, options) => {
    await this.#last;
    const [link] = this.#links;
    if (link === undefined) throw new ServeryError('MODEL_NOT_READY', 'Cannot ask other models: there is no front end');
    return link.predictRows(model, rows, { deadline: options.deadline }); // a signal cannot cross to its thread
  };

  /** All of them, also when one fails; the failure of one that has left meanwhile does not count. */
  async #onEach(ask: (link: FrontLink) => Promise<void>): Promise<void> {
    const asked = Array.from(this.#links, async (link) => {
      try {
        await ask(link);
      } catch (error) {
        if (this.#links.has(link)) throw error;
      }
    });
    for (const outcome of await Promise.allSettled(asked)) {
      if (outcome.status === 'rejected') throw outcome.reason;
    }
  }

  #inTurn<T>(step: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(step);
    this.#last = turn.catch(() => undefined);
    return turn;
  }
}

function prepareOf(version: LoadedVersion) {
  return { descriptor: version.descriptor, source: version.connect() };
}
