/**
 * Cells of CSV → values, as SQL: strictly, since a cast of DuckDB rounds 1.5 to 2 and reads 1_000 as a number.
 *
 * A cell is a number in full or not at all; `true` and `false` in any case are truth values; an empty cell has no
 * value. The rules are those of rows that come as CSV in a request.
 */
import type { ColumnType } from '../core/columns.ts';
import { isFloat, isInteger } from './column-types.ts';
import type { CellReader } from './text-format.ts';

const INTEGER = String.raw`\s*[+-]?[0-9]+\s*`;
const NUMBER = String.raw`\s*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?\s*`;
/** Written as nobody but a computer writes it: reading and writing gives the same text. */
const CANONICAL_INTEGER = '-?(0|[1-9][0-9]{0,17})';
const CANONICAL_NUMBER = String.raw`-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]{1,2})?`;
/** Any number of so many digits is another one as a double. */
const EXACT_DIGITS = 15;

const isFilled = (cell: string, value: string) => `(${value} IS NULL AND ${cell} IS NOT NULL AND trim(${cell}) <> '')`;

const TEXT: CellReader = { type: 'TEXT', value: (cell) => cell, expected: 'a text' };

/** @param as what the cells are for; undefined for texts that may be missing */
export function cellReader(as: ColumnType | undefined): CellReader {
  if (as === undefined || as === 'OTHER') return TEXT;
  if (as === 'TEXT' || as === 'BYTES') return { ...TEXT, value: (cell) => `coalesce(${cell}, '')` };
  if (as === 'LIST') return { ...TEXT, type: 'LIST', expected: 'a list as JSON text' };
  if (as === 'BOOL') {
    const value = (cell: string) =>
      `CASE lower(trim(${cell})) WHEN 'true' THEN true WHEN 'false' THEN false ELSE NULL END`;
    return { type: 'BOOL', value, misfit: isFilled, expected: 'true or false' };
  }
  if (isFloat(as)) {
    const value = (cell: string) => `TRY_CAST(${cell} AS DOUBLE)`;
    // Only what has an unusual form pays for the pattern: an underscore, and the names of NaN and infinity.
    const misfit = (cell: string, number: string) =>
      `(${isFilled(cell, number)} OR contains(${cell}, '_') OR ` +
      `(NOT isfinite(${number}) AND NOT regexp_full_match(${cell}, '${NUMBER}')))`;
    return { type: 'FP64', value, misfit, expected: 'a number' };
  }
  if (!isInteger(as)) return TEXT;
  const sqlType = as === 'UINT64' ? 'UBIGINT' : 'BIGINT';
  const value = (cell: string) =>
    `CASE WHEN regexp_full_match(${cell}, '${INTEGER}') THEN TRY_CAST(${cell} AS ${sqlType}) ` +
    `WHEN regexp_full_match(${cell}, '${NUMBER}') AND TRY_CAST(${cell} AS DOUBLE) = trunc(TRY_CAST(${cell} AS DOUBLE)) ` +
    `AND abs(TRY_CAST(${cell} AS DOUBLE)) <= 9007199254740991 ` +
    `THEN TRY_CAST(TRY_CAST(${cell} AS DOUBLE) AS ${sqlType}) ELSE NULL END`;
  return { type: as === 'UINT64' ? 'UINT64' : 'INT64', value, misfit: isFilled, expected: 'an integer' };
}

/** Candidates for a column that nobody has named a type for, the narrowest first, with what every cell must be. */
export const CANDIDATES: readonly { readonly type: ColumnType; fits(cell: string): string }[] = [
  { type: 'INT64', fits: (cell) => `regexp_full_match(${cell}, '${CANONICAL_INTEGER}') AND ${cell} <> '-0'` },
  {
    type: 'FP64',
    fits: (cell) => `regexp_full_match(${cell}, '${CANONICAL_NUMBER}') AND ${cell} <> '-0' AND ${isExactDouble(cell)}`,
  },
];

/** Whether a number, as text, has no digit that a double would lose. */
export function isExactDouble(text: string): string {
  const digits = `ltrim(regexp_replace(regexp_replace(${text}, '[eE].*$', ''), '[^0-9]', '', 'g'), '0')`;
  const written = (sql: string) => `replace(lower(${sql}), 'e+', 'e')`;
  return (
    `(length(${text}) <= ${EXACT_DIGITS} ` +
    `OR ${written(`CAST(TRY_CAST(${text} AS DOUBLE) AS VARCHAR)`)} = ${written(text)} ` +
    `OR length(${digits}) <= ${EXACT_DIGITS})`
  );
}
