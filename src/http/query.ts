/** Reads the query of a URL. Parameters that a route does not know are left alone; a value that does not fit is refused. */
import { ServeryError } from '../core/errors.ts';
import type { Exchange } from './exchange.ts';

export class Query {
  readonly #values: URLSearchParams;

  constructor({ query }: Pick<Exchange, 'query'>) {
    this.#values = new URLSearchParams(query);
  }

  /** Undefined when it is absent or empty. The last one counts. */
  text(name: string): string | undefined {
    const text = this.#values.getAll(name).at(-1);
    return text === '' ? undefined : text;
  }

  /** @throws {ServeryError} `INVALID_REQUEST` */
  integer(name: string, { min, max }: { readonly min: number; readonly max: number }): number | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const value = /^[0-9]{1,15}$/.test(text) ? Number(text) : NaN;
    if (value >= min && value <= max) return value;
    throw unfitParameter(name, `an integer from ${min} to ${max}`);
  }

  /** @throws {ServeryError} `INVALID_REQUEST` */
  flag(name: string): boolean {
    const text = this.text(name);
    if (text === undefined || text === 'false') return false;
    if (text === 'true') return true;
    throw unfitParameter(name, 'true or false');
  }

  /** Values of a list: the parameter more than once, or with commas. @throws {ServeryError} `INVALID_REQUEST` */
  list<T extends string>(name: string, known: readonly T[]): readonly T[] | undefined {
    const values = this.#values.getAll(name).flatMap((text) => text.split(','));
    const wanted = values.map((text) => text.trim()).filter((text) => text !== '');
    const isKnown = (text: string): text is T => (known as readonly string[]).includes(text);
    if (!wanted.every(isKnown)) throw unfitParameter(name, `out of ${known.join(', ')}`);
    return wanted.length === 0 ? undefined : wanted;
  }
}

/** `INVALID_REQUEST`, naming the parameter. */
export function unfitParameter(name: string, expected: string): ServeryError {
  return new ServeryError('INVALID_REQUEST', `Cannot use the parameter "${name}": expected ${expected}`);
}

const DEFAULT_PAGE = 50;
const LARGEST_PAGE = 1000;

/** The page of a list that is asked for. @throws {ServeryError} `INVALID_REQUEST` */
export function pageOf(query: Query): { readonly limit: number; readonly cursor?: string } {
  const limit = query.integer('limit', { min: 1, max: LARGEST_PAGE }) ?? DEFAULT_PAGE;
  const cursor = query.text('cursor');
  return cursor === undefined ? { limit } : { limit, cursor };
}
