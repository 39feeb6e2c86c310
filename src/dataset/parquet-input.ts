/**
 * Parquet files as an input.
 *
 * A footer tells how many rows there are, so planning is quick, and a chunk is a range of row numbers, which DuckDB
 * finds without reading what comes before. The number of rows read is compared with it each time: a stream that ends
 * early is the one failure that does not announce itself.
 */
import type { DuckDBConnection } from '@duckdb/node-api';
import type { Column } from '../core/columns.ts';
import { ServeryError, quote } from '../core/errors.ts';
import { selectColumn, type SelectedColumn } from './column-types.ts';
import { query, streamChunks } from './duckdb.ts';
import { checksumFile, checksumTail, confirmPin, hivePartitions, nameSource, pinFile } from './find-files.ts';
import type { BadInput, InputRows, PlannedColumn, PlannedFile, PlannedRange, WantedColumn } from './input.ts';
import { mapInOrder } from './map-in-order.ts';
import { ROW_NUMBER, describeFile, refuseWideDecimal, rowsOf } from './parquet-columns.ts';
import { readFooters, type Footer } from './parquet-footers.ts';
import { pickRows } from './pick-rows.ts';
import { chunkRanges, sealPlan, splitRows } from './plan-chunks.ts';
import {
  UNREADABLE_TIME,
  bad,
  gaplessRows,
  givenName,
  missingColumn,
  numberedRows,
  originalName,
  type FileSource,
  type Source,
} from './source.ts';
import { fileToRead, ident, textOrNull } from './sql-text.ts';
import { timeFilter } from './time-filter.ts';
import { commonColumn, selectAs } from './unify-columns.ts';
import { ColumnGatherer } from './vectors-in.ts';

/** Of whose footers a query asks. */
const FILES_AT_ONCE = 256;
/** Each holds a block of its file in memory. */
const PINS_AT_ONCE = 4;

export const parquetSource: FileSource = {
  async describe(source, path) {
    return withConnection(source, async (connection) => {
      const table = await openTable(source, connection, path);
      return Array.from(table.columns, ([original, sqlType]) => {
        const { name, type, list } = selectColumn(givenName(source.options, original), sqlType, '', undefined);
        return { name, type, ...(list !== undefined && { list }) };
      });
    });
  },

  async plan(source, paths, wanted, onDamage) {
    const { options, context } = source;
    return withConnection(source, async (connection) => {
      const files: PlannedFile[] = [];
      const columns: (PlannedColumn | undefined)[] = wanted.map(() => undefined);
      const described: Described = new Map();
      for (let from = 0; from < paths.length; from += FILES_AT_ONCE) {
        context.signal?.throwIfAborted();
        const some = paths.slice(from, from + FILES_AT_ONCE);
        const pins = await pinAll(source, some);
        const footers = await readFooters(connection, some);
        for (const pin of pins) {
          const opening = { footer: footers.get(pin.path), described, onDamage };
          const planned = await planFile(source, connection, pin, wanted, opening);
          files.push(planned.file);
          for (const [i, column] of (planned.columns ?? []).entries()) {
            columns[i] = commonColumn(columns[i], column, wanted[i]!, planned.file.source);
          }
        }
      }
      const ranges = files.flatMap(({ rows }, file) =>
        rows === undefined ? [{ file, firstRow: 0, rows: 1 }] : [...splitRows(file, rows, options.chunkRows)],
      );
      context.signal?.throwIfAborted();
      return sealPlan({
        kind: 'parquet',
        files,
        // Nothing is known of columns when no file can be opened.
        columns: columns.map((column, i) => column ?? { name: wanted[i]!.name, type: 'OTHER' }),
        chunks: chunkRanges(ranges, options.chunkRows),
      });
    });
  },

  async sample(source, path, wanted, rows) {
    return withConnection(source, async (connection) => {
      const name = nameSource(path, source.context.workspace);
      const table = await openTable(source, connection, path);
      const columns = selectWanted(source, table, wanted, name);
      const sql = `SELECT ${columns.map(({ sql }) => sql).join(', ')} FROM ${table.rows} LIMIT ${rows}`;
      const found: InputRows[] = [];
      for await (const { values, count } of gather(connection, sql, columns, undefined)) {
        const named = values.map((value, i) => Object.assign(value, { name: columns[i]!.name }));
        found.push(gaplessRows(name, named, 1 + found.reduce((sum, part) => sum + part.rows, 0), count));
      }
      return found;
    });
  },

  async *read(source, plan, chunk, damage) {
    for (const range of chunk.ranges) {
      const file = plan.files[range.file]!;
      await confirmPin(file);
      if (file.rows === undefined) {
        yield bad({ ...damaged(file, 0, 1), row: undefined, message: 'The file cannot be opened: it is damaged' });
      } else if (damage === 'fail') {
        yield* readRange(source, plan.columns, file, range);
      } else {
        yield* readByRowGroup(source, plan.columns, file, range);
      }
    }
  },
};

/** A file as a table. */
interface Table {
  /** Its name and SQL type, for each column; partitions of the path among them. */
  readonly columns: ReadonlyMap<string, string>;
  /** A table expression, with the row numbers. */
  readonly rows: string;
}

async function openTable(source: Source, connection: DuckDBConnection, path: string): Promise<Table> {
  return tableOf(source, path, await describeFile(connection, path));
}

function tableOf({ options }: Source, path: string, own: ReadonlyMap<string, string>): Table {
  const columns = new Map(own);
  // A column of the file wins over one of its path.
  const partitions = options.hivePartitions ? [...hivePartitions(path)] : [];
  const added = partitions.filter(([key]) => !columns.has(key));
  for (const [key] of added) columns.set(key, 'VARCHAR');
  const constants = added.map(([key, value]) => `, ${textOrNull(value)} AS ${ident(key)}`).join('');
  return { columns, rows: `(SELECT *${constants} FROM ${rowsOf(path)})` };
}

function selectWanted(source: Source, table: Table, wanted: readonly WantedColumn[], name: string): SelectedColumn[] {
  return wanted.map((column) => {
    const original = originalName(source.options, column.name);
    const sqlType = table.columns.get(original);
    if (sqlType === undefined) throw missingColumn(original, name);
    refuseWideDecimal(sqlType, original, name);
    return selectColumn(column.name, sqlType, ident(original), column.as);
  });
}

interface PlannedParquet {
  readonly file: PlannedFile;
  /** Undefined when the file cannot be opened. */
  readonly columns: readonly PlannedColumn[] | undefined;
}

type FilePin = Omit<PlannedFile, 'rows'>;

function pinAll({ options, context }: Source, paths: readonly string[]): Promise<readonly FilePin[]> {
  const { workspace, signal } = context;
  return mapInOrder(paths, PINS_AT_ONCE, async (path) => ({
    source: nameSource(path, workspace),
    path,
    ...(await pinFile(path)),
    checksum: await (options.checksum === 'full' ? checksumFile(path, signal) : checksumTail(path)),
  }));
}

/** Columns by the schema of their file. */
type Described = Map<string, ReadonlyMap<string, string>>;

interface Opening {
  readonly footer: Footer | Error | undefined;
  readonly described: Described;
  readonly onDamage: 'fail' | 'keep';
}

async function planFile(
  source: Source,
  connection: DuckDBConnection,
  pin: FilePin,
  wanted: readonly WantedColumn[],
  { footer, described, onDamage }: Opening,
): Promise<PlannedParquet> {
  let rows: number;
  let table: Table;
  try {
    if (footer === undefined || footer instanceof Error) throw footer ?? new Error('There is no footer');
    const own = described.get(footer.schema) ?? (await describeFile(connection, pin.path));
    described.set(footer.schema, own);
    rows = footer.rows;
    table = tableOf(source, pin.path, own);
  } catch (error) {
    if (onDamage === 'keep' && error instanceof ServeryError && error.code === 'DATA_INVALID') {
      return { file: { ...pin, rows: undefined }, columns: undefined };
    }
    throw new ServeryError('DATA_INVALID', `Cannot open ${quote(pin.source)}: it is no whole Parquet file`, {
      cause: error,
    });
  }
  // A column that the filter needs is missed now rather than in the middle of the run.
  filterOf(source, table, pin.source);
  const columns = selectWanted(source, table, wanted, pin.source).map(({ sql: _, ...column }) => column);
  return { file: { ...pin, rows }, columns };
}

interface Filter {
  /** All must be true. */
  readonly conditions: readonly string[];
  /** True for rows whose time is a text that nobody can read. */
  readonly unreadable: string | undefined;
}

function filterOf({ options, context }: Source, table: Table, name: string): Filter {
  const { where, timeColumn, timeZone = context.timezone, timeUnit } = options;
  const conditions = where === undefined ? [] : [`(${where}\n)`];
  if (timeColumn === undefined) return { conditions, unreadable: undefined };
  const original = originalName(options, timeColumn);
  const sqlType = table.columns.get(original);
  if (sqlType === undefined) throw missingColumn(original, name);
  const column = { name: original, sql: ident(original), sqlType, timeZone, timeUnit };
  const whole = { startMs: 0, endMs: 1 };
  const { inside, unreadable } = timeFilter(column, context.interval ?? whole);
  if (context.interval === undefined) return { conditions, unreadable: undefined };
  const time = unreadable === undefined ? inside : `(${inside} OR ${unreadable})`;
  return { conditions: [time, ...conditions], unreadable };
}

async function* readRange(
  source: Source,
  planned: readonly PlannedColumn[],
  file: PlannedFile,
  { firstRow, rows }: PlannedRange,
): AsyncGenerator<InputRows | BadInput> {
  const { duckdb, context } = source;
  const connection = await duckdb.connect();
  try {
    const table = await openTable(source, connection, file.path);
    const columns = planned.map((column) => {
      const original = originalName(source.options, column.name);
      return selectAs(column, table.columns.get(original)!, ident(original));
    });
    const { conditions: filter, unreadable } = filterOf(source, table, file.source);
    const range = `${ROW_NUMBER} >= ${firstRow} AND ${ROW_NUMBER} < ${firstRow + rows}`;
    const conditions = [...(rows === file.rows ? [] : [range]), ...filter];
    const from = `FROM ${table.rows}${conditions.length > 0 ? ` WHERE ${conditions.join(' AND ')}` : ''}`;
    const expected = filter.length === 0 ? rows : await countRows(connection, from);
    const verdict: SelectedColumn = { name: 'unreadable', type: 'BOOL', sql: unreadable ?? 'false' };
    const numbered = filter.length > 0 ? [...columns, ROW_NUMBERS, verdict] : columns;
    const sql = `SELECT ${numbered.map(({ sql }) => sql).join(', ') || '1'} ${from}`;
    let seen = 0;
    for await (const { values, count, release } of gather(connection, sql, numbered, context.signal)) {
      const named = columns.map(({ name }, i) => Object.assign(values[i]!, { name }));
      if (filter.length === 0) yield { ...gaplessRows(file.source, named, firstRow + seen + 1, count), release };
      else {
        const numbers = Float64Array.from(values.at(-2)!.values as BigInt64Array, (row) => Number(row) + 1);
        yield* withoutUnreadable(file, named, numbers, values.at(-1)!.values as Uint8Array);
      }
      seen += count;
    }
    if (seen !== expected) {
      const problem = `it has ${expected} rows to read there, and ${seen} came`;
      throw new ServeryError('DATA_INVALID', `Cannot read ${quote(file.source)} from row ${firstRow + 1}: ${problem}`);
    }
  } finally {
    connection.closeSync();
  }
}

function* withoutUnreadable(
  { source }: PlannedFile,
  columns: readonly Column[],
  numbers: Float64Array,
  unreadable: Uint8Array,
): Generator<InputRows | BadInput> {
  if (!unreadable.includes(1)) {
    yield numberedRows(source, columns, numbers);
    return;
  }
  const positions: number[] = [];
  for (const [i, row] of numbers.entries()) {
    if (unreadable[i] === 0) positions.push(i);
    else yield bad({ source, row, rows: 1, stage: 'schema', code: 'INVALID_INPUT', message: UNREADABLE_TIME });
  }
  const picked = Uint32Array.from(positions);
  const kept = Float64Array.from(picked, (position) => numbers[position]!);
  if (kept.length > 0) yield numberedRows(source, pickRows(columns, picked), kept);
}

const ROW_NUMBERS: SelectedColumn = { name: ROW_NUMBER, type: 'INT64', sql: ROW_NUMBER };

async function countRows(connection: DuckDBConnection, from: string): Promise<number> {
  const [row] = await query(connection, `SELECT count(*) AS n ${from}`);
  return Number(row!['n']);
}

/** Each row group whole, or as one range of bad rows. */
async function* readByRowGroup(
  source: Source,
  planned: readonly PlannedColumn[],
  file: PlannedFile,
  range: PlannedRange,
): AsyncGenerator<InputRows | BadInput> {
  let begin = 0;
  for (const size of await rowGroups(source, file)) {
    const firstRow = Math.max(begin, range.firstRow);
    const rows = Math.min(begin + size, range.firstRow + range.rows) - firstRow;
    begin += size;
    if (rows <= 0) continue;
    const found: (InputRows | BadInput)[] = [];
    try {
      for await (const part of readRange(source, planned, file, { ...range, firstRow, rows })) found.push(part);
    } catch (error) {
      if (!(error instanceof ServeryError) || error.code !== 'DATA_INVALID') throw error;
      yield bad(damaged(file, firstRow, rows));
      continue;
    }
    yield* found;
  }
}

function damaged({ source }: PlannedFile, firstRow: number, rows: number) {
  const message = `Rows ${firstRow + 1} to ${firstRow + rows} cannot be read: their row group is damaged`;
  return { source, row: firstRow + 1, rows, stage: 'parse', code: 'DATA_INVALID', message } as const;
}

async function rowGroups(source: Source, { path }: PlannedFile): Promise<readonly number[]> {
  const sql =
    `SELECT row_group_id, any_value(row_group_num_rows) AS n FROM parquet_metadata(${fileToRead(path)}) ` +
    'GROUP BY row_group_id ORDER BY row_group_id';
  return withConnection(source, async (connection) => (await query(connection, sql)).map(({ n }) => Number(n)));
}

async function* gather(
  connection: DuckDBConnection,
  sql: string,
  columns: readonly SelectedColumn[],
  signal: AbortSignal | undefined,
) {
  const gatherer = new ColumnGatherer(columns);
  const part = () => {
    const count = gatherer.rows;
    const values = gatherer.take();
    return { count, values, release: () => gatherer.giveBack(values) };
  };
  for await (const chunk of streamChunks(connection, sql, signal)) {
    gatherer.add(chunk);
    if (gatherer.isFull) yield part();
  }
  if (gatherer.rows > 0) yield part();
}

async function withConnection<T>({ duckdb }: Source, use: (connection: DuckDBConnection) => Promise<T>): Promise<T> {
  const connection = await duckdb.connect();
  try {
    return await use(connection);
  } finally {
    connection.closeSync();
  }
}
