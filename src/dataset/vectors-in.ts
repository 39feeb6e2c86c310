/**
 * Vectors of DuckDB → columns.
 *
 * Vectors hold up to 2,048 rows each, in memory that goes with them. They are copied into arrays of our own that hold
 * several vectors: what reads them may keep them, and has fewer and longer loops.
 */
import type { DuckDBDataChunk, DuckDBVector } from '@duckdb/node-api';
import type { Column, ColumnType } from '../core/columns.ts';
import type { NumericData } from '../core/tensor.ts';
import { freeVector } from './free-vector.ts';
import type { PlannedColumn } from './input.ts';

const VECTOR_ROWS = 2048;

const ARRAYS: Partial<Record<ColumnType, new (length: number) => NumericData>> = {
  BOOL: Uint8Array,
  INT8: Int8Array,
  INT16: Int16Array,
  INT32: Int32Array,
  INT64: BigInt64Array,
  UINT8: Uint8Array,
  UINT16: Uint16Array,
  UINT32: Uint32Array,
  UINT64: BigUint64Array,
  FP32: Float32Array,
  FP64: Float64Array,
};

type NumericArray = new (length: number) => NumericData;

/**
 * Gathers chunks until there are `vectors` of them.
 *
 * Numbers are copied out of a chunk as soon as it comes, and its memory is freed: it is near the processor then, and the
 * collector, which counts what lies outside of its heap, has no reason to run.
 */
export class ColumnGatherer {
  readonly #columns: readonly Omit<PlannedColumn, 'name'>[];
  readonly #arrays: readonly (NumericArray | undefined)[];
  readonly #capacity: number;
  /** Arrays that were given back, by column. */
  readonly #free: NumericData[][];
  /** Of the part that is gathered, by column: numbers, or the vectors of anything else. */
  #numbers: (NumericData | undefined)[];
  #nulls: (Uint8Array | undefined)[];
  #vectors: DuckDBVector[][];
  /** Texts, bytes and lists lie in the memory of their chunk, and not in what their vector copied: it must live on. */
  #chunks: DuckDBDataChunk[] = [];
  rows = 0;

  constructor(columns: readonly Omit<PlannedColumn, 'name'>[], vectors = 4) {
    this.#columns = columns;
    this.#arrays = columns.map(({ type }) => (type === 'LIST' ? undefined : ARRAYS[type]));
    this.#capacity = vectors * VECTOR_ROWS;
    this.#free = columns.map(() => []);
    this.#numbers = columns.map(() => undefined);
    this.#nulls = columns.map(() => undefined);
    this.#vectors = columns.map(() => []);
  }

  get isFull(): boolean {
    return this.rows + VECTOR_ROWS > this.#capacity;
  }

  add(chunk: DuckDBDataChunk): void {
    for (let index = 0; index < this.#columns.length; index += 1) {
      const vector = chunk.getColumnVector(index);
      const ArrayType = this.#arrays[index];
      if (ArrayType === undefined) {
        this.#vectors[index]!.push(vector);
        if (this.#chunks.at(-1) !== chunk) this.#chunks.push(chunk);
      } else {
        const numbers = (this.#numbers[index] ??= this.#free[index]!.pop() ?? new ArrayType(this.#capacity));
        (numbers as Uint8Array).set(itemsOf(vector) as Uint8Array, this.rows);
        this.#nulls[index] = markNulls(vector, this.#nulls[index], this.rows, this.#capacity);
        freeVector(vector);
      }
    }
    this.rows += chunk.rowCount;
  }

  /** The values gathered so far, without names; begins anew. */
  take(): readonly Omit<Column, 'name'>[] {
    const { rows } = this;
    const [allNumbers, allNulls, allVectors] = [this.#numbers, this.#nulls, this.#vectors];
    this.rows = 0;
    this.#numbers = this.#columns.map(() => undefined);
    this.#nulls = this.#columns.map(() => undefined);
    this.#vectors = this.#columns.map(() => []);
    const columns = this.#columns.map((column, index) => {
      const ArrayType = this.#arrays[index];
      if (ArrayType === undefined) return gatherOthers(column, allVectors[index]!, rows);
      const values = (allNumbers[index] ?? new ArrayType(0)).subarray(0, rows);
      return { type: column.type, values, nulls: allNulls[index]?.subarray(0, rows) };
    });
    this.#chunks = [];
    return columns;
  }

  /**
   * Takes back what `take` gave. Fresh memory for every part makes the collector run again and again, since it counts
   * what lies outside of its heap.
   */
  giveBack(columns: readonly Pick<Column, 'values'>[]): void {
    for (const [index, free] of this.#free.entries()) {
      const { values } = columns[index]!;
      const ArrayType = this.#arrays[index];
      if (ArrayType === undefined || !ArrayBuffer.isView(values)) continue;
      free.push(new (ArrayType as unknown as new (buffer: ArrayBufferLike) => NumericData)(values.buffer));
    }
  }
}

function gatherOthers(column: Omit<PlannedColumn, 'name'>, vectors: readonly DuckDBVector[], rows: number) {
  const { type } = column;
  const nulls = gatherNulls(vectors, rows);
  if (type === 'LIST') return gatherLists(column, vectors, rows, nulls);
  const values = new Array<unknown>(rows);
  let at = 0;
  for (const vector of vectors) {
    for (let i = 0; i < vector.itemCount; i += 1, at += 1) values[at] = plain(vector.getItem(i));
  }
  return { type, values, nulls };
}

interface RawVector {
  readonly items?: NumericData;
  readonly dataView?: DataView;
  readonly validity?: { readonly data: BigUint64Array | null; readonly offset: number };
}

function itemsOf(vector: DuckDBVector): NumericData {
  const { items, dataView } = vector as unknown as RawVector;
  return items ?? new Uint8Array(dataView!.buffer, dataView!.byteOffset, vector.itemCount);
}

/** 1 where there is no value; undefined when every row has one. */
function gatherNulls(vectors: readonly DuckDBVector[], rows: number): Uint8Array | undefined {
  let nulls: Uint8Array | undefined;
  let at = 0;
  for (const vector of vectors) {
    nulls = markNulls(vector, nulls, at, rows);
    at += vector.itemCount;
  }
  return nulls;
}

/** @param nulls made, for `size` rows, when the first null is found */
function markNulls(vector: DuckDBVector, nulls: Uint8Array | undefined, at: number, size: number) {
  const { data } = (vector as unknown as RawVector).validity ?? { data: null };
  if (data === null) return nulls;
  // Bits, 1 for a value. 32 at a time, since bigints are slow.
  const words = new Uint32Array(data.buffer, data.byteOffset, data.length * 2);
  for (let i = 0; i < vector.itemCount; i += 32) {
    const word = words[i >> 5]!;
    if (word === 0xffff_ffff) continue;
    const end = Math.min(32, vector.itemCount - i);
    for (let bit = 0; bit < end; bit += 1) {
      if ((word >>> bit) & 1) continue;
      nulls ??= new Uint8Array(size);
      nulls[at + i + bit] = 1;
    }
  }
  return nulls;
}

interface RawListVector {
  readonly childVector: DuckDBVector;
  getEntryOffset(index: number): number;
  getEntryLength(index: number): number;
}

function gatherLists(
  { type, list }: Omit<PlannedColumn, 'name'>,
  vectors: readonly DuckDBVector[],
  rows: number,
  nulls: Uint8Array | undefined,
): Omit<Column, 'name'> {
  const flat = nulls === undefined && list?.depth === 1 ? gatherFlat(vectors, rows, list.item) : undefined;
  if (flat !== undefined) {
    const size = rows === 0 ? 0 : flat.length / rows;
    let values: readonly unknown[] | undefined;
    return {
      type,
      list,
      flat,
      nulls,
      // Made only for readers that cannot take the flat form.
      get values() {
        values ??= Array.from({ length: rows }, (_, row) =>
          Array.from(flat.subarray(row * size, (row + 1) * size) as Float64Array),
        );
        return values;
      },
    };
  }
  const values = vectors.flatMap((vector) =>
    Array.from({ length: vector.itemCount }, (_, i) => plain(vector.getItem(i))),
  );
  return { type, list, values, nulls };
}

/** Lists of one length, without nulls, as their values one after the other. */
function gatherFlat(vectors: readonly DuckDBVector[], rows: number, item: ColumnType): NumericData | undefined {
  const ArrayType = ARRAYS[item];
  if (ArrayType === undefined || item === 'BOOL' || rows === 0) return undefined;
  const lists = vectors as unknown as readonly (RawListVector & DuckDBVector)[];
  const size = lists[0]!.getEntryLength(0);
  for (const list of lists) {
    if (gatherNulls([list.childVector], list.childVector.itemCount) !== undefined) return undefined;
    for (let i = 0; i < list.itemCount; i += 1) {
      const isNext = i === 0 || list.getEntryOffset(i) === list.getEntryOffset(i - 1) + size;
      if (!isNext || list.getEntryLength(i) !== size) return undefined;
    }
  }
  const flat = new ArrayType(rows * size);
  let at = 0;
  for (const list of lists) {
    const from = list.getEntryOffset(0);
    const length = list.itemCount * size;
    (flat as Uint8Array).set((itemsOf(list.childVector) as Uint8Array).subarray(from, from + length), at);
    at += length;
  }
  return flat;
}

interface Wrapped {
  readonly items?: readonly unknown[];
  readonly bytes?: Uint8Array;
}

/** Values of DuckDB that are wrapped: lists, blobs (whose bytes go with their vector). */
function plain(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const { items, bytes } = value as Wrapped;
  if (items !== undefined) return items.map(plain);
  return bytes === undefined ? value : Uint8Array.from(bytes);
}
