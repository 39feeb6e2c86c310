/**
 * The verdicts of a query over text records → rows, and bad rows.
 *
 * The query says of each record which of its cells is not what its column is for, and whether the interval and `where`
 * leave it in.
 */
import type { Column } from '../core/columns.ts';
import { quote } from '../core/errors.ts';
import type { BadInput, BadRow, InputRows, PlannedFile, PlannedRange } from './input.ts';
import { pickRows } from './pick-rows.ts';
import { UNREADABLE_TIME, bad, numberedRows } from './source.ts';
import type { CellReader, OpenedText, TextFormat } from './text-format.ts';

export const TIME_MISFIT = -1;
/** The line itself is broken. */
export const NO_RECORD = -2;

interface Part {
  readonly file: PlannedFile;
  readonly opened: OpenedText;
  readonly readers: readonly CellReader[];
  readonly columns: readonly Column[];
  readonly numbers: Float64Array;
  readonly verdicts: Readonly<Record<'misfits' | 'keep' | 'cells', Omit<Column, 'name'>>>;
}

/** Rows outside the interval are left out, and those with a misfit reported. */
export function* judge(part: Part, format: TextFormat): Generator<InputRows | BadInput> {
  const { file, numbers } = part;
  const { misfits, keep, cells } = part.verdicts;
  const hasNone = misfits.nulls?.every((isNull) => isNull === 1) === true;
  const isWhole = hasNone && (keep.values as Uint8Array).every((kept) => kept === 1);
  const lists = part.readers.flatMap(({ type }, i) => (type === 'LIST' ? [i] : []));
  if (isWhole && lists.length === 0) {
    yield numberedRows(file.source, part.columns, numbers);
    return;
  }
  const columns = [...part.columns];
  const problems = new Map<number, number>();
  for (let i = 0; i < numbers.length; i += 1) {
    if (misfits.nulls?.[i] !== 1) problems.set(i, misfits.values[i] as number);
  }
  for (const index of lists) {
    columns[index] = { ...parseLists(columns[index]!, index, problems), list: part.readers[index]!.list };
  }
  const positions: number[] = [];
  for (let i = 0; i < numbers.length; i += 1) {
    if (keep.values[i] !== 1) continue;
    const misfit = problems.get(i);
    if (misfit === undefined) positions.push(i);
    else yield bad(misfitRow(part, format, misfit, numbers[i]!, cells.values[i] as string | null));
  }
  const picked = Uint32Array.from(positions);
  const kept = Float64Array.from(picked, (position) => numbers[position]!);
  if (kept.length > 0) yield numberedRows(file.source, pickRows(columns, picked), kept);
}

function parseLists(column: Column, index: number, problems: Map<number, number>): Column {
  const values = (column.values as readonly (string | null)[]).map((cell, i): unknown => {
    if (cell === null || cell.trim() === '') return null;
    try {
      const value = parseExactly(cell);
      if (Array.isArray(value)) return value;
    } catch {
      // Said below, as for a value that is no list.
    }
    if (!problems.has(i)) problems.set(i, index);
    return null;
  });
  const nulls = values.includes(null) ? Uint8Array.from(values, (value) => (value === null ? 1 : 0)) : undefined;
  return { name: column.name, type: 'LIST', values, nulls };
}

/** Integers that a number would round are bigint. */
function parseExactly(text: string): unknown {
  if (!/\d{16}/.test(text)) return JSON.parse(text);
  const exactly = (_key: string, value: unknown, { source }: { readonly source: string }) =>
    typeof value === 'number' && !Number.isSafeInteger(value) && /^-?\d+$/.test(source) ? BigInt(source) : value;
  return JSON.parse(text, exactly as (key: string, value: unknown) => unknown);
}

function misfitRow(
  { file, opened, readers, columns }: Part,
  format: TextFormat,
  misfit: number,
  row: number,
  cells: string | null,
): BadRow {
  const at = { source: file.source, row, rows: 1, payload: cells === null ? undefined : format.payload(cells, opened) };
  if (misfit === NO_RECORD) {
    return { ...at, stage: 'parse', code: 'DATA_INVALID', message: 'Cannot read the line: it is no JSON object' };
  }
  if (misfit === TIME_MISFIT) {
    return { ...at, stage: 'schema', code: 'INVALID_INPUT', message: UNREADABLE_TIME };
  }
  const what = `${quote(columns[misfit]!.name)}: expected ${readers[misfit]!.expected}`;
  return { ...at, stage: 'schema', code: 'INVALID_INPUT', message: `Cannot use ${what}` };
}

/** What is left of a packed file whose end is missing or damaged. */
export function lostTail(file: PlannedFile, { firstRow }: PlannedRange): BadRow {
  return {
    source: file.source,
    row: firstRow + 1,
    rows: 1,
    stage: 'parse',
    code: 'DATA_INVALID',
    message: `Rows from ${firstRow + 1} on cannot be read: the file is damaged or ends early`,
  };
}
