/**
 * Text files (CSV, NDJSON) as an input.
 *
 * Records are found here and read by DuckDB: a range goes, in canonical form and without its bad lines, through a file
 * in the spool folder. So a damaged line costs itself, a row has its number, and cells are read at DuckDB's speed.
 */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Column } from '../core/columns.ts';
import type { DataInterval } from '../core/data-interval.ts';
import { ServeryError, quote } from '../core/errors.ts';
import { cellReader } from './csv-cells.ts';
import type { BadLine } from './csv-records.ts';
import { query, streamChunks } from './duckdb.ts';
import { confirmPin } from './find-files.ts';
import type {
  BadInput,
  InputPlan,
  InputRows,
  PlannedColumn,
  PlannedFile,
  PlannedRange,
  WantedColumn,
} from './input.ts';
import { judge, lostTail, TIME_MISFIT, NO_RECORD } from './judge-rows.ts';
import { mapInOrder } from './map-in-order.ts';
import { chunkRanges, sealPlan } from './plan-chunks.ts';
import { bad, givenName, missingColumn, originalName, type FileSource, type Source } from './source.ts';
import { ident } from './sql-text.ts';
import type { CellReader, OpenedText, TextFormat } from './text-format.ts';
import { RowNumbers, TextReader, openSpool, planText, type TextFile } from './text-ranges.ts';
import { timeFilter } from './time-filter.ts';
import { ColumnGatherer } from './vectors-in.ts';

/** Each holds a block of its file in memory. */
const FILES_AT_ONCE = 4;
const SMALL_FILE_BYTES = 1024 * 1024;
const FILES_OF_A_QUERY = 128;

/** What every step works with. */
interface Text extends Source {
  readonly format: TextFormat;
  readonly reader: TextReader;
}

export function textSource(format: TextFormat): FileSource & AsyncDisposable {
  const reader = new TextReader();
  return {
    async describe(source, path) {
      const { columns } = await format.open(source, path);
      return columns.map((column) => ({ ...column, name: givenName(source.options, column.name) }));
    },

    async plan(source, paths, wanted, onDamage) {
      const text = { ...source, format, reader };
      const asked = requests(source, wanted);
      const found = await mapInOrder(paths, FILES_AT_ONCE, async (path, index) => {
        const opened = await format.open(source, path);
        for (const { original } of asked) checkColumn(opened, original);
        if (source.options.timeColumn !== undefined) {
          checkColumn(opened, originalName(source.options, source.options.timeColumn));
        }
        return { opened, ...(await planText(source, index, opened, onDamage)) };
      });
      const files = found.map(({ file }) => file);
      const ranges = found.flatMap((planned) => planned.ranges);
      const where = whereRequests(source, found[0]!.opened, asked);
      timeOf(text, { startMs: 0, endMs: 1 }, "''");
      const planned = await planColumns(text, found, [...asked, ...where]);
      return sealPlan({
        kind: format.kind,
        files,
        columns: planned.slice(0, asked.length),
        ...(where.length > 0 && { whereColumns: planned.slice(asked.length) }),
        chunks: chunkRanges(ranges, source.options.chunkRows),
      });
    },

    async sample(source, path, wanted, rows) {
      await using own = new TextReader();
      const context = { ...source.context, interval: undefined };
      const text = {
        ...source,
        options: { ...source.options, where: undefined, chunkRows: rows },
        context,
        format,
        reader: own,
      };
      const opened = await format.open(text, path);
      const { file, ranges } = await planText(text, 0, opened, 'keep', rows);
      const columns = wanted.map((column) => plannedColumn(text, column));
      const found: (InputRows | BadInput)[] = [];
      if (ranges[0]?.toByte === undefined) return found;
      for await (const part of readRange(text, { columns }, file, ranges[0], opened)) found.push(part);
      return found;
    },

    async *read(source, plan, chunk) {
      for (const range of chunk.ranges) {
        const file = plan.files[range.file]!;
        await confirmPin(file);
        if (range.toByte === undefined) yield bad(lostTail(file, range));
        else yield* readRange({ ...source, format, reader }, plan, file, range, await format.open(source, file.path));
      }
    },

    [Symbol.asyncDispose]: () => reader[Symbol.asyncDispose](),
  };
}

function checkColumn({ columns, isComplete, source }: OpenedText, original: string): void {
  if (isComplete && !columns.some(({ name }) => name === original)) throw missingColumn(original, source);
}

/** @throws {ServeryError} `DATA_INVALID` for a unit or column that cannot be */
function timeOf({ options, context, format }: Text, interval: DataInterval, cell: string) {
  const { timeColumn, timeUnit, timeZone = context.timezone } = options;
  if (timeColumn === undefined) return undefined;
  const column = { name: timeColumn, timeZone, timeUnit };
  if (timeUnit === undefined) {
    const text = format.kind === 'csv' ? cell : `json_extract_string(${cell}, '$')`;
    return timeFilter({ ...column, sql: text, sqlType: 'VARCHAR' }, interval);
  }
  const number = format.kind === 'csv' ? cellReader('INT64') : format.reader('INT64');
  const value = `(${number.value(cell)})`;
  const { inside } = timeFilter({ ...column, sql: value, sqlType: 'BIGINT' }, interval);
  return { inside, unreadable: number.misfit!(cell, value) };
}

interface Request extends WantedColumn {
  /** In the files. */
  readonly original: string;
}

function requests({ options }: Source, wanted: readonly WantedColumn[]): readonly Request[] {
  return wanted.map((column) => ({ ...column, original: originalName(options, column.name) }));
}

/** Columns that the condition names, for what the model takes them for. */
function whereRequests({ options }: Source, opened: OpenedText, wanted: readonly Request[]): readonly Request[] {
  const { where } = options;
  if (where === undefined) return [];
  const named = opened.columns.filter(({ name }) => where.includes(name));
  return named.map(({ name }) => ({ name, original: name, as: wanted.find(({ original }) => original === name)?.as }));
}

function plannedColumn({ format }: Text, { name, as, list }: WantedColumn): PlannedColumn {
  const { type } = format.reader(as);
  // A text that may be missing, and one that may not, are read differently.
  const sqlType = as === 'TEXT' || as === 'BYTES' ? 'VARCHAR' : type === 'OTHER' ? 'JSON' : undefined;
  return { name, type, ...(list && { list }), ...(sqlType !== undefined && { sqlType }) };
}

function readerOf({ format }: Text, { type, sqlType, list }: PlannedColumn): CellReader {
  const isOpen = format.kind === 'csv' && type === 'TEXT' && sqlType === undefined;
  const reader = format.reader(isOpen ? undefined : type);
  return list === undefined ? reader : { ...reader, list };
}

interface FoundText extends TextFile {
  readonly opened: OpenedText;
}

/** For columns without a purpose, the narrowest type that keeps every cell as it is written. */
async function planColumns(
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

/** A range with the file that it is of. */
interface Part extends Pick<FoundText, 'file' | 'opened'> {
  readonly range: PlannedRange;
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

interface Spool extends AsyncDisposable {
  readonly table: string;
  readonly bad: readonly BadLine[];
  readonly goodRows: number;
  cell(original: string): string;
}

let spools = 0;

async function spoolRange(
  text: Text,
  file: PlannedFile,
  range: PlannedRange,
  opened: OpenedText,
  fields: readonly string[],
): Promise<Spool> {
  return openSpoolFor(text, opened, fields, (spool) =>
    text.reader.read(text, file, range, opened, (blocks) => spool.write(blocks)),
  );
}

/** Records of files of one form, in any order. */
async function spoolParts(text: Text, parts: readonly Part[], fields: readonly string[]): Promise<Spool> {
  const [{ file, range, opened }] = parts as [Part];
  if (parts.length === 1) return spoolRange(text, file, range, opened, fields);
  return openSpoolFor(text, opened, fields, async (spool) => {
    let written = Promise.resolve();
    const found = await mapInOrder(parts, FILES_AT_ONCE, async (part) => {
      await using reader = new TextReader();
      return await reader.read(text, part.file, part.range, part.opened, (blocks) => {
        written = written.then(() => spool.write(blocks));
        return written;
      });
    });
    return { bad: [], goodRows: found.reduce((sum, { goodRows }) => sum + goodRows, 0) };
  });
}

type Filled = Pick<Spool, 'bad' | 'goodRows'>;

async function openSpoolFor(
  text: Text,
  opened: OpenedText,
  fields: readonly string[],
  fill: (spool: Awaited<ReturnType<typeof openSpool>>) => Promise<Filled>,
): Promise<Spool> {
  const { spoolFolder } = text.context;
  await mkdir(spoolFolder, { recursive: true });
  spools += 1;
  const path = join(spoolFolder, `range-${process.pid}-${spools}`);
  const remove = () => rm(path, { force: true });
  try {
    await using spool = await openSpool(path);
    return {
      ...(await fill(spool)),
      table: opened.table(path, fields),
      cell: (original) => opened.cell(original, fields),
      [Symbol.asyncDispose]: remove,
    };
  } catch (error) {
    await remove();
    throw error;
  }
}

async function* readRange(
  text: Text,
  plan: Pick<InputPlan, 'columns' | 'whereColumns'>,
  file: PlannedFile,
  range: PlannedRange,
  opened: OpenedText,
): AsyncGenerator<InputRows | BadInput> {
  const { options } = text;
  const { columns, whereColumns = [] } = plan;
  const fields = [
    ...columns.map(({ name }) => originalName(options, name)),
    ...whereColumns.map(({ name }) => name),
    ...(options.timeColumn === undefined ? [] : [originalName(options, options.timeColumn)]),
  ];
  await using spool = await spoolRange(text, file, range, opened, fields);
  for (const line of spool.bad) yield bad(badLine(file, line));
  if (spool.goodRows === 0) return;
  const readers = columns.map((column) => readerOf(text, column));
  const { sql, types } = rangeQuery(text, spool, opened, plan, readers);
  const connection = await text.duckdb.connect();
  const numbers = new RowNumbers(range.firstRow, spool.bad);
  let seen = 0;
  try {
    const gatherer = new ColumnGatherer(types);
    const parts = function* () {
      const count = gatherer.rows;
      seen += count;
      const values = gatherer.take();
      const named = columns.map(({ name }, i): Column => Object.assign(values[i]!, { name }));
      const [misfits, keep, cells] = values.slice(columns.length) as [Verdict, Verdict, Verdict];
      const verdicts = { misfits, keep, cells };
      yield* judge({ file, opened, readers, columns: named, numbers: numbers.take(count), verdicts }, text.format);
    };
    for await (const chunk of streamChunks(connection, sql, text.context.signal)) {
      gatherer.add(chunk);
      if (gatherer.isFull) yield* parts();
    }
    if (gatherer.rows > 0) yield* parts();
  } finally {
    connection.closeSync();
  }
  if (seen !== spool.goodRows) {
    const problem = `${spool.goodRows} rows were written, and ${seen} came`;
    throw new ServeryError('DATA_INVALID', `Cannot read ${quote(file.source)}: ${problem}`);
  }
}

type Verdict = Omit<Column, 'name'>;

function badLine(file: PlannedFile, { row, line, message, text }: BadLine) {
  return {
    source: file.source,
    row: row + 1,
    rows: 1,
    line: line + 1,
    stage: 'parse',
    code: 'DATA_INVALID',
    message: `Cannot read the line: ${message}`,
    payload: text,
  } as const;
}

/** Values of the columns, then: the number of the first misfit (null for none), whether to keep the row, its text. */
function rangeQuery(
  text: Text,
  spool: Spool,
  opened: OpenedText,
  { columns, whereColumns = [] }: Pick<InputPlan, 'columns' | 'whereColumns'>,
  readers: readonly CellReader[],
) {
  const { options, context } = text;
  const { isRecord } = opened;
  const cells = columns.map(({ name }) => spool.cell(originalName(options, name)));
  const value = (i: number) => ident(`servery:v${i}`);
  const [problem, keep] = [ident('servery:problem'), ident('servery:keep')];
  const time =
    context.interval === undefined
      ? undefined
      : timeOf(text, context.interval, spool.cell(originalName(options, options.timeColumn ?? '')));
  const misfits = readers.flatMap((reader, i) =>
    reader.misfit === undefined ? [] : [`WHEN ${reader.misfit(cells[i]!, value(i))} THEN ${i}`],
  );
  if (time !== undefined) misfits.unshift(`WHEN ${time.unreadable} THEN ${TIME_MISFIT}`);
  if (isRecord !== undefined) misfits.unshift(`WHEN NOT ${isRecord} THEN ${NO_RECORD}`);
  const conditions = [
    ...(time === undefined ? [] : [`(${time.inside} OR ${time.unreadable})`]),
    ...(options.where === undefined ? [] : [`(${options.where}\n)`]),
  ];
  const derived = [
    ...readers.map((reader, i) => `${reader.value(cells[i]!)} AS ${value(i)}`),
    ...whereColumns.map(
      (column) => `${readerOf(text, column).value(spool.cell(column.name))} AS ${ident(column.name)}`,
    ),
  ];
  const misfit = misfits.length === 0 ? 'CAST(NULL AS INTEGER)' : `CAST(CASE ${misfits.join(' ')} END AS INTEGER)`;
  // What is no record cannot be outside: nobody can read its time.
  const isKept = conditions.length === 0 ? 'true' : `coalesce(${conditions.join(' AND ')}, false)`;
  const isKeptOrBroken = isRecord === undefined ? isKept : `(${isKept} OR NOT ${isRecord})`;
  const sql =
    `SELECT ${[...readers.keys()].map((i) => `${value(i)}, `).join('')}${problem}, ${keep}, ` +
    `CASE WHEN ${problem} IS NOT NULL THEN CAST(${opened.cells} AS VARCHAR) END ` +
    `FROM (SELECT *, ${misfit} AS ${problem}, ${isKeptOrBroken} AS ${keep} ` +
    `FROM (SELECT *${derived.map((expression) => `, ${expression}`).join('')} FROM ${spool.table}))`;
  const types = [
    ...readers.map(({ type }) => ({ type: type === 'LIST' ? ('TEXT' as const) : type })),
    ...(['INT32', 'BOOL', 'TEXT'] as const).map((type) => ({ type })),
  ];
  return { sql, types };
}
