/** Columns that a model has and a request does not: refused in MLflow's words, with those that it has instead. */
import { ServeryError } from '../../core/errors.ts';
import { isList } from '../values-in.ts';
import type { Rows } from './coercion.ts';
import { isRecord, pythonNames } from './python-json.ts';
import type { Reader } from './reader.ts';
import type { Schema } from './schema.ts';

export function refuseMissing(rows: Rows, { schema, signature, isLax }: Reader): void {
  const { columns, declared } = schema;
  if (rows.length === 0) return;
  if (!rows.every(isRecord)) {
    const shortest = Math.min(...rows.map((row) => (isList(row) ? row.length : Infinity)));
    if (declared !== 'columns') return;
    if (columns.some(({ name }) => name !== undefined)) throw missing(namesOf(schema), positions(rows));
    if (shortest >= columns.length) return;
    throw new ServeryError(
      'INVALID_INPUT',
      `Model inference is missing inputs. The model signature declares ${columns.length} inputs  but the provided ` +
        `value only has ${shortest} inputs. Note: the inputs were not named in the signature so we can only verify ` +
        'their count.',
    );
  }
  // Nearly always the first row has all of them.
  if (columns.every(({ name }) => name === undefined || Object.hasOwn(rows[0] as object, name))) return;
  const given = new Set(rows.flatMap((row) => Object.keys(row)));
  // A list under the name of an input has all of its columns, which MLflow does not know.
  const isAbsent = ({ name = '' }: { readonly name: string | undefined }) => {
    const input = signature.inputs.find(({ features }) => features?.includes(name) === true);
    const hasAll = !isLax && input !== undefined && given.has(input.name);
    return !given.has(name) && input?.missing !== 'nan' && !hasAll;
  };
  const named = columns.filter(({ name }) => name !== undefined);
  const absent = named.filter(isAbsent);
  if (absent.length === 0) return;
  const known = new Set([...namesOf(schema), ...(isLax ? [] : signature.inputs.map(({ name }) => name))]);
  const extra = [...given].filter((name) => !known.has(name));
  throw missing(
    absent.map(({ name }) => name!),
    extra,
  );
}

export function namesOf({ columns }: Schema): readonly string[] {
  return columns.flatMap(({ name }) => name ?? []);
}

function positions(rows: Rows): readonly number[] {
  const [first] = rows;
  return isList(first) ? Array.from(first, (_, i) => i) : [];
}

export function missing(names: readonly string[], extra: readonly (string | number)[]): ServeryError {
  const note = extra.length === 0 ? '' : ` Note that there were extra inputs: ${pythonNames(extra)}.`;
  return new ServeryError('INVALID_INPUT', `Model is missing inputs ${pythonNames(names)}.${note}`);
}
