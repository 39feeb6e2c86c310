/**
 * Columns → a table of DuckDB.
 *
 * Numbers are copied as arrays. Lists of numbers of one length, which most models give, are stored as a column for each
 * place and put together by DuckDB when the file is written: a list by itself costs many times as much here.
 */
import type { DuckDBAppender, DuckDBConnection, DuckDBDataChunk, DuckDBVector } from '@duckdb/node-api';
import type { Column, ColumnChunk } from '../core/columns.ts';
import { ServeryError, quote } from '../core/errors.ts';
import type { NumericData } from '../core/tensor.ts';
import { storageType } from './column-types.ts';
import { hasNoText, valueMaker } from './duck-values.ts';
import { execute, type DuckDbModule } from './duckdb.ts';
import { translateFailure } from './failures.ts';
import { freeVector } from './free-vector.ts';
import type { PlannedColumn } from './input.ts';
import { ident } from './sql-text.ts';
import { asBytes, bytesColumn } from './texts-as-bytes.ts';

const VECTOR_ROWS = 2048;
/** Longer lists are stored as lists. */
const MOST_PLACES = 64;

/** How a column is stored. */
interface Storage {
  readonly column: PlannedColumn;
  /** Places of a flat list; undefined for any other column. */
  places: number | undefined;
  /** A TEXT that had bytes which are no text. */
  isBytes: boolean;
}

let numberOfTables = 0;

export class StagingTable {
  readonly #api: DuckDbModule;
  readonly #connection: DuckDBConnection;
  readonly #storage: readonly Storage[];
  #appender: DuckDBAppender | undefined;
  /** Used again for all rows. */
  #chunk: DuckDBDataChunk | undefined;
  #generation = 0;
  /** Connections share their tables. */
  readonly #number = (numberOfTables += 1);
  rows = 0;

  constructor(api: DuckDbModule, connection: DuckDBConnection, columns: readonly PlannedColumn[]) {
    this.#api = api;
    this.#connection = connection;
    this.#storage = columns.map((column) => ({ column, places: undefined, isBytes: false }));
  }

  /** Name of the table, and an expression for each column of the output. */
  async finish(): Promise<{ readonly table: string; readonly columns: readonly string[] }> {
    if (this.#appender === undefined) await this.#create();
    this.#close();
    return { table: this.#table, columns: this.#storage.map(expression) };
  }

  async drop(): Promise<void> {
    this.#close();
    await execute(this.#connection, `DROP TABLE IF EXISTS ${this.#table}`);
  }

  get #table(): string {
    return `staging_${this.#number}_${this.#generation}`;
  }

  async append(chunk: ColumnChunk): Promise<void> {
    const columns = this.#storage.map(({ column }, i) => matching(chunk, column, i));
    await this.#prepare(columns, chunk.rows);
    try {
      for (let from = 0; from < chunk.rows; from += VECTOR_ROWS) {
        this.#appendVectors(columns, from, Math.min(VECTOR_ROWS, chunk.rows - from));
      }
    } catch (error) {
      throw translateFailure(error, 'OUTPUT_INVALID');
    }
    this.rows += chunk.rows;
  }

  /** Makes the table, or another one that can take what the present one cannot. */
  async #prepare(columns: readonly Column[], rows: number): Promise<void> {
    let mustChange = false;
    for (const [i, storage] of this.#storage.entries()) {
      const column = columns[i]!;
      const places = rows > 0 && column.flat !== undefined ? column.flat.length / rows : undefined;
      const isFresh = this.#appender === undefined;
      if (isFresh && places !== undefined && places >= 1 && places <= MOST_PLACES) storage.places = places;
      if (!isFresh && storage.places !== undefined && places !== storage.places) {
        mustChange = true;
        storage.places = undefined;
      }
      if (!storage.isBytes && hasNoText(storage.column, column)) {
        mustChange ||= !isFresh;
        storage.isBytes = true;
      }
    }
    if (this.#appender === undefined) await this.#create();
    else if (mustChange) await this.#migrate();
  }

  async #create(): Promise<void> {
    const definitions = this.#storage.flatMap((storage) => storedIn(storage).map(([name, type]) => `${name} ${type}`));
    await execute(this.#connection, `CREATE TABLE ${this.#table} (${definitions.join(', ')})`);
    this.#appender = await this.#connection.createAppender(this.#table);
    const types = Array.from({ length: this.#appender.columnCount }, (_, i) => this.#appender!.columnType(i));
    this.#chunk = this.#api.DuckDBDataChunk.create(types);
  }

  async #migrate(): Promise<void> {
    const before = this.#table;
    this.#close();
    const described = await (await this.#connection.run(`DESCRIBE ${before}`)).getRowsJS();
    const names = new Set(described.map(([name]) => String(name)));
    this.#generation += 1;
    await this.#create();
    const columns = this.#storage.map((storage) => {
      const name = storage.column.name;
      if (storage.places !== undefined) {
        return storedIn(storage)
          .map(([place]) => place)
          .join(', ');
      }
      const flat = [...names].filter((other) => other.startsWith(`${name}\u0001`));
      if (flat.length > 0) return listOf(flat.map(ident));
      // What was stored as bytes before stays as it is.
      const isText = described.some(([other, type]) => other === name && String(type).startsWith('VARCHAR'));
      return storage.isBytes && isText ? asBytes(storage.column, ident(name)) : ident(name);
    });
    await execute(this.#connection, `INSERT INTO ${this.#table} SELECT ${columns.join(', ')} FROM ${before}`);
    await execute(this.#connection, `DROP TABLE ${before}`);
  }

  #close(): void {
    this.#appender?.closeSync();
    this.#appender = undefined;
  }

  #appendVectors(columns: readonly Column[], from: number, rows: number): void {
    const chunk = this.#chunk!;
    chunk.reset();
    chunk.rowCount = rows;
    let at = 0;
    for (const [i, storage] of this.#storage.entries()) {
      const column = columns[i]!;
      if (storage.places !== undefined) {
        for (let place = 0; place < storage.places; place += 1, at += 1) {
          const vector = chunk.getColumnVector(at);
          putPlace(vector, column, place, storage.places, from, rows);
          freeVector(vector);
        }
      } else {
        const vector = chunk.getColumnVector(at);
        putValues(this.#api, vector, column, storage, from, rows);
        freeVector(vector);
        at += 1;
      }
    }
    this.#appender!.appendDataChunk(chunk);
  }
}

function matching({ columns }: ColumnChunk, { name }: PlannedColumn, index: number): Column {
  // Nearly always at its place.
  const column = columns[index]?.name === name ? columns[index] : columns.find((other) => other.name === name);
  if (column !== undefined) return column;
  throw new ServeryError('OUTPUT_INVALID', `Cannot write: the rows have no column ${quote(name)}`);
}

/** What is stored for a column. */
function stored({ column, isBytes }: Storage): PlannedColumn {
  return isBytes ? bytesColumn(column) : column;
}

/** Names and types of the columns that store a column. */
function storedIn(storage: Storage): readonly (readonly [string, string])[] {
  const { column, places } = storage;
  if (places === undefined) return [[ident(column.name), storageType(stored(storage))]];
  const type = storageType({ type: column.list?.item ?? 'FP64' });
  return Array.from({ length: places }, (_, place) => [ident(placeName(column.name, place)), type]);
}

function placeName(name: string, place: number): string {
  // No column of a file is called so.
  return `${name}\u0001${place}`;
}

function expression(storage: Storage): string {
  const { column, places } = storage;
  if (places !== undefined) return `${listOf(storedIn(storage).map(([name]) => name))} AS ${ident(column.name)}`;
  const { type, list } = column;
  const sqlType = type === 'OTHER' ? column.sqlType : type === 'LIST' && list === undefined ? 'JSON' : undefined;
  return sqlType === undefined
    ? ident(column.name)
    : `CAST(${ident(column.name)} AS ${sqlType}) AS ${ident(column.name)}`;
}

function listOf(places: readonly string[]): string {
  return `CASE WHEN ${places[0]!} IS NULL THEN NULL ELSE list_value(${places.join(', ')}) END`;
}

interface NumberVector {
  readonly items?: NumericData;
}

function putPlace(
  vector: DuckDBVector,
  { flat, nulls }: Column,
  place: number,
  places: number,
  from: number,
  rows: number,
): void {
  const { items } = vector as unknown as NumberVector;
  const source = flat as Float64Array;
  const target = items as Float64Array;
  for (let i = 0, at = from * places + place; i < rows; i += 1, at += places) target[i] = source[at]!;
  putNulls(vector, nulls, from, rows);
  vector.flush();
}

function putNulls(vector: DuckDBVector, nulls: Uint8Array | undefined, from: number, rows: number): void {
  if (nulls === undefined) return;
  for (let i = 0; i < rows; i += 1) if (nulls[from + i] === 1) vector.setItem(i, null);
}

function putValues(
  api: DuckDbModule,
  vector: DuckDBVector,
  { values, nulls }: Column,
  storage: Storage,
  from: number,
  rows: number,
): void {
  const { items } = vector as unknown as NumberVector;
  if (items !== undefined && ArrayBuffer.isView(values) && values.constructor === items.constructor) {
    (items as Float64Array).set((values as Float64Array).subarray(from, from + rows));
    putNulls(vector, nulls, from, rows);
  } else {
    const make = valueMaker(api, stored(storage));
    for (let i = 0; i < rows; i += 1) {
      const value: unknown = values[from + i];
      vector.setItem(i, nulls?.[from + i] === 1 || value == null ? null : make(value));
    }
  }
  vector.flush();
}
