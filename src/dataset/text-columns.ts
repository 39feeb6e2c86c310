/**
 * The columns of text files as every chunk will have them: what they are wanted for, or the narrowest type that fits.
 */
import { query } from './duckdb.ts';
import type { PlannedColumn, WantedColumn } from './input.ts';
import { originalName, type Source } from './source.ts';
import type { CellReader, OpenedText } from './text-format.ts';
import { spoolParts, type FoundText, type Part, type Text } from './text-spool.ts';

const SMALL_FILE_BYTES = 1024 * 1024;
const FILES_OF_A_QUERY = 128;

export interface Request extends WantedColumn {
  /** In the files. */
  readonly original: string;
}

export function requests({ options }: Source, wanted: readonly WantedColumn[]): readonly Request[] {
  return wanted.map((column) => ({ ...column, original: originalName(options, column.name) }));
}

/** Columns that the condition names, for what the model takes them for. */
export function whereRequests({ options }: Source, opened: OpenedText, wanted: readonly Request[]): readonly Request[] {
  const { where } = options;
  if (where === undefined) return [];
  const named = opened.columns.filter(({ name }) => where.includes(name));
  return named.map(({ name }) => ({ name, original: name, as: wanted.find(({ original }) => original === name)?.as }));
}

export function plannedColumn({ format }: Text, { name, as, list }: WantedColumn): PlannedColumn {
  const { type } = format.reader(as);
  // A text that may be missing, and one that may not, are read differently.
  const sqlType = as === 'TEXT' || as === 'BYTES' ? 'VARCHAR' : type === 'OTHER' ? 'JSON' : undefined;
  return { name, type, ...(list && { list }), ...(sqlType !== undefined && { sqlType }) };
}

export function readerOf({ format }: Text, { type, sqlType, list }: PlannedColumn): CellReader {
  const isOpen = format.kind === 'csv' && type === 'TEXT' && sqlType === undefined;
  const reader = format.reader(isOpen ? undefined : type);
  return list === undefined ? reader : { ...reader, list };
}

/** For columns without a purpose, the narrowest type that keeps every cell as it is written. */
export async function planColumns(
  text: Text,
  found: readonly FoundText[],
  wanted: readonly Request[],
): Promise<readonly PlannedColumn[]> {
  const { candidates } = text.format;
  const fields = wanted.map(({ original }) => original);
  const open = wanted.filter(({ as }) => as === undefined);
  const fits = new Map(open.map(({ original }) => [original, candidates.map(() => true)]));
  const seen = new Set<string>();
  for (const parts of open.length > 0 ? alikeParts(found, open, fields) : []) {
    await using spool = await spoolParts(text, parts, fields);
    const flags = open.flatMap(({ original }, c) => {
      const cell = spool.cell(original);
      return [
        ...candidates.map((candidate, i) => `bool_and(${candidate.fits(cell)}) AS f${c}_${i}`),
        `count(${cell}) AS n${c}`,
      ];
    });
    const connection = await text.duckdb.connect();
    try {
      const [row] = await query(connection, `SELECT ${flags.join(', ')} FROM ${spool.table}`);
      for (const [c, { original }] of open.entries()) {
        for (const i of candidates.keys()) if (row![`f${c}_${i}`] === false) fits.get(original)![i] = false;
        if (Number(row![`n${c}`]) > 0) seen.add(original);
      }
    } finally {
      connection.closeSync();
    }
  }
  return wanted.map((column) => {
    const { name, original, as } = column;
    if (as !== undefined) return plannedColumn(text, column);
    const fitting = candidates.find((_, i) => fits.get(original)![i])?.type;
    const type = (seen.has(original) ? fitting : undefined) ?? 'TEXT';
    return { name, type, ...(type === 'OTHER' && { sqlType: 'JSON' }) };
  });
}

/**
 * What one query can look at: a range, or many small files of one form. A query costs more than such a file does.
 *
 * Large files come in their order: one that is packed can only be read from its beginning.
 */
function* alikeParts(
  found: readonly FoundText[],
  open: readonly Request[],
  fields: readonly string[],
): Generator<readonly Part[]> {
  const small = new Map<string, Part[]>();
  for (const { file, opened, ranges } of found) {
    const parts = ranges.filter(({ toByte }) => toByte !== undefined).map((range) => ({ file, opened, range }));
    if (parts.length !== 1 || parts[0]!.range.toByte! > SMALL_FILE_BYTES) {
      for (const part of parts) yield [part];
      continue;
    }
    const form = JSON.stringify([opened.table('', fields), open.map(({ original }) => opened.cell(original, fields))]);
    const alike = small.get(form) ?? [];
    small.set(form, [...alike, ...parts]);
    if (alike.length + 1 < FILES_OF_A_QUERY) continue;
    yield small.get(form)!;
    small.delete(form);
  }
  yield* small.values();
}
