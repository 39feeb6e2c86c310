/** What every kind of file source works with, and the small steps that they share. */
import type { Column } from '../core/columns.ts';
import { ServeryError, quote } from '../core/errors.ts';
import type { DuckDb } from './duckdb.ts';
import type { BadInput, BadRow, InputContext, InputPlan, InputRows, PlannedChunk, WantedColumn } from './input.ts';
import type { InputColumn } from './input.ts';
import type { InputOptions } from './options.ts';

export interface Source {
  readonly options: InputOptions;
  readonly context: InputContext;
  readonly duckdb: DuckDb;
}

/** Files of one format. */
export interface FileSource {
  describe(source: Source, path: string): Promise<readonly InputColumn[]>;
  plan(
    source: Source,
    paths: readonly string[],
    wanted: readonly WantedColumn[],
    onDamage: 'fail' | 'keep',
  ): Promise<InputPlan>;
  sample(
    source: Source,
    path: string,
    wanted: readonly WantedColumn[],
    rows: number,
  ): Promise<readonly (InputRows | BadInput)[]>;
  read(
    source: Source,
    plan: InputPlan,
    chunk: PlannedChunk,
    damage: 'fail' | 'keep',
  ): AsyncIterable<InputRows | BadInput>;
}

/** What the source calls a column. */
export function originalName({ columns }: InputOptions, name: string): string {
  return Object.hasOwn(columns, name) ? columns[name]! : name;
}

/** What a column of the source is called here. */
export function givenName({ columns }: InputOptions, original: string): string {
  return Object.entries(columns).find(([, source]) => source === original)?.[0] ?? original;
}

export function missingColumn(name: string, source: string): ServeryError {
  return new ServeryError('DATA_INVALID', `Cannot find the column ${quote(name)} in ${quote(source)}`, {
    hint: 'Map names with `input.columns`, as MODEL_NAME: FILE_NAME.',
  });
}

export function bad(row: BadRow): BadInput {
  return { kind: 'bad', bad: row };
}

/** Rows that follow each other without a gap. */
export function gaplessRows(source: string, columns: readonly Column[], firstRow: number, rows: number): InputRows {
  return { kind: 'rows', source, columns, rows, firstRow, rowNumbers: undefined };
}

/** @param numbers number of each row, 1 for the first of its source */
export function numberedRows(source: string, columns: readonly Column[], numbers: Float64Array): InputRows {
  const rows = numbers.length;
  const firstRow = numbers[0] ?? 1;
  const isGapless = rows === 0 || numbers[rows - 1] === firstRow + rows - 1;
  return { kind: 'rows', source, columns, rows, firstRow, rowNumbers: isGapless ? undefined : numbers };
}

export const UNREADABLE_TIME =
  'Cannot use the time column: expected a time in ISO 8601, or a number where timeUnit is set';
