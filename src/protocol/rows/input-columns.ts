/**
 * Which columns of a file the inputs of a signature are read from.
 *
 * The rule is that of a row: each feature has a column of its name, or all of them stand as a list under the name of
 * the input. Other columns are left alone.
 */
import { ServeryError, quote } from '../../core/errors.ts';
import type { Signature } from '../../core/signature.ts';
import { rowPlan, type InputPlan } from './input-plan.ts';

export interface InputColumns {
  readonly input: InputPlan;
  /** One for each value of a row (undefined: missing, and NaN), or the one that holds lists. */
  readonly columns: readonly (string | undefined)[];
  readonly isList: boolean;
}

const MOST_NAMES = 8;

/**
 * @param available names of the columns that a file has
 * @throws {ServeryError} `DATA_INVALID` that names the columns which are missing
 */
export function inputColumns(signature: Signature, available: readonly string[]): readonly InputColumns[] {
  const known = new Set(available);
  const missing: string[] = [];
  const found = rowPlan(signature).inputs.map((input): InputColumns => {
    const { spec, keys } = input;
    if (keys === undefined) {
      if (!known.has(spec.name)) missing.push(spec.name);
      return { input, columns: [spec.name], isList: true };
    }
    const absent = keys.filter((key) => !known.has(key));
    // Features without a column: perhaps there is a list of them.
    if (absent.length > 0 && spec.shape.length > 0 && !keys.includes(spec.name) && known.has(spec.name)) {
      return { input, columns: [spec.name], isList: true };
    }
    const mayBeAbsent = spec.missing === 'nan' && absent.length < keys.length;
    if (!mayBeAbsent) missing.push(...absent);
    return { input, columns: keys.map((key) => (known.has(key) ? key : undefined)), isList: false };
  });
  if (missing.length === 0) return found;
  const names = missing.slice(0, MOST_NAMES).map(quote).join(', ');
  const more = missing.length > MOST_NAMES ? ` and ${missing.length - MOST_NAMES} more` : '';
  throw new ServeryError('DATA_INVALID', `Cannot find the columns ${names}${more} that the model takes`, {
    hint: 'Name them in `input.columns`, or compare with `servery model show NAME`.',
  });
}

/** The names of the columns to read, each once, in the order of the signature. */
export function columnsToRead(bound: readonly InputColumns[]): readonly string[] {
  return [...new Set(bound.flatMap(({ columns }) => columns.filter((name) => name !== undefined)))];
}
