/**
 * Columns of a file → tensors, by the same rules, and with the same words for what is wrong, as rows.
 *
 * Whole columns are written at once; a row that has anything unusual in it goes through `decodeRows` by itself, which
 * decides. A bad row is taken out and costs no other row anything.
 */
import type { Column, ColumnChunk } from '../../core/columns.ts';
import { ServeryError } from '../../core/errors.ts';
import { checkInputs, type CheckedInputs, type Signature } from '../../core/signature.ts';
import {
  allocate,
  elementCount,
  sliceRows,
  type NamedTensor,
  type NumericData,
  type NumericDatatype,
  type Tensor,
} from '../../core/tensor.ts';
import { DEFAULT_DECODE_LIMITS } from '../json.ts';
import { fillFrom } from '../nested-lists.ts';
import { isList, type FloatRules, type WritableData } from '../values-in.ts';
import { decodeRows } from './decode-rows.ts';
import { fillColumn, valueAt } from './fill-column.ts';
import { fillPlainFloats } from './fill-floats.ts';
import type { InputColumns } from './input-columns.ts';
import { keepRows, putRow } from './tensor-rows.ts';

export interface DecodeColumnsOptions {
  /** How errors name a row. */
  readonly nameRow: (position: number) => string;
  /** Memory for numbers. */
  readonly take?: (datatype: NumericDatatype, length: number) => NumericData;
}

export interface DecodedColumns {
  /** Rows that can share a run; one group, unless the model leaves axes open or takes one row a call. */
  readonly groups: readonly RowGroup[];
  /** By position, ascending. */
  readonly badRows: readonly BadRow[];
}

export interface RowGroup {
  /** Positions of the rows in the chunk, ascending; undefined when they are all of them. */
  readonly positions: Uint32Array | undefined;
  readonly rows: number;
  /** To be stacked along axis 0: tensors in the order of the signature, checked against it. */
  readonly parts: readonly (readonly Tensor[])[];
}

export interface BadRow {
  readonly position: number;
  readonly error: ServeryError;
}

const BLOCK_ROWS = 512;

interface Source {
  readonly signature: Signature;
  readonly bound: readonly InputColumns[];
  readonly columns: ReadonlyMap<string, Column>;
  readonly rows: number;
  readonly options: DecodeColumnsOptions;
}

/** @param bound what `inputColumns` found for the columns of the chunk */
export function decodeColumns(
  signature: Signature,
  bound: readonly InputColumns[],
  chunk: ColumnChunk,
  options: DecodeColumnsOptions,
): DecodedColumns {
  const columns = new Map(chunk.columns.map((column) => [column.name, column]));
  const source = { signature, bound, columns, rows: chunk.rows, options };
  const { inputs, batched } = signature;
  const isFixed = inputs.length > 0 && inputs.every(({ shape }) => !shape.slice(1).includes(null));
  return batched && isFixed ? decodeTogether(source) : decodeOneByOne(source);
}

function decodeTogether(source: Source): DecodedColumns {
  const { signature, bound, rows } = source;
  const odd = new Uint8Array(rows);
  const badRows: BadRow[] = [];
  const tensors = bound.map((input) => readInput(source, input, odd));
  for (let i = odd.indexOf(1); i !== -1; i = odd.indexOf(1, i + 1)) {
    const row = decodeRow(source, i, badRows);
    if (row === undefined) continue;
    for (const [input, tensor] of tensors.entries()) putRow(tensor, i, row.tensors[input]!);
    odd[i] = 0;
  }
  try {
    return { groups: checkedGroups(signature, tensors, odd), badRows };
  } catch (error) {
    if (!(error instanceof ServeryError)) throw error;
  }
  // Texts are right or wrong by what they hold: find those that are wrong.
  for (let i = 0; i < rows; i += 1) {
    if (odd[i] === 1) continue;
    const error = problemOf(() =>
      checkInputs(
        signature,
        tensors.map((tensor) => sliceNamed(tensor, i)),
      ),
    );
    if (error === undefined) continue;
    odd[i] = 1;
    badRows.push({ position: i, error });
  }
  badRows.sort((a, b) => a.position - b.position);
  return { groups: checkedGroups(signature, tensors, odd), badRows };
}

function checkedGroups(signature: Signature, tensors: readonly NamedTensor[], odd: Uint8Array): readonly RowGroup[] {
  const { kept, positions } = keepRows(tensors, odd);
  const rows = positions?.length ?? odd.length;
  return rows === 0 ? [] : [{ positions, rows, parts: [checkInputs(signature, kept).tensors] }];
}

/** For rows that may differ in shape, or are a call each. */
function decodeOneByOne(source: Source): DecodedColumns {
  const { signature, rows } = source;
  const badRows: BadRow[] = [];
  const groups = new Map<string, { positions: number[]; parts: (readonly Tensor[])[] }>();
  for (let i = 0; i < rows; i += 1) {
    const row = decodeRow(source, i, badRows);
    if (row === undefined) continue;
    const key = signature.batched ? row.stackKey : String(i);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { positions: [i], parts: [row.tensors] });
    else {
      group.positions.push(i);
      group.parts.push(row.tensors);
    }
  }
  return {
    groups: Array.from(groups.values(), ({ positions, parts }) => {
      return { positions: Uint32Array.from(positions), rows: positions.length, parts };
    }),
    badRows,
  };
}

/** One row by itself, as if it had come in a request. */
function decodeRow(source: Source, i: number, badRows: BadRow[]): CheckedInputs | undefined {
  const { signature, bound, columns, options } = source;
  const row = Object.create(null) as Record<string, unknown>;
  for (const { columns: names } of bound) {
    for (const name of names) if (name !== undefined) row[name] = valueAt(columns.get(name)!, i);
  }
  const nameRow = () => options.nameRow(i);
  try {
    const tensors = decodeRows(signature, [row], { unknownKeys: 'ignore', nonFinite: 'refuse', nameRow });
    return checkInputs(signature, tensors);
  } catch (error) {
    if (!(error instanceof ServeryError)) throw error;
    badRows.push({ position: i, error });
    return undefined;
  }
}

function readInput(
  source: Source,
  { input, columns: names, isList: holdsLists }: InputColumns,
  odd: Uint8Array,
): NamedTensor {
  const { columns, rows, options } = source;
  const { name, datatype, missing } = input.spec;
  const rowShape = input.rowShape as readonly number[];
  const size = elementCount(rowShape);
  const take = options.take ?? allocate;
  const data: WritableData = datatype === 'BYTES' ? new Array<string>(rows * size) : take(datatype, rows * size);
  const rules: FloatRules = { nonFinite: false, missing: missing === 'nan' };
  if (holdsLists) {
    readLists(columns.get(names[0]!)!, input.rowShape as readonly number[], { data, datatype, rules }, odd);
  } else {
    const found = names.map((column) => (column === undefined ? undefined : columns.get(column)!));
    // Block by block, so that what is written stays near the processor until a row is complete.
    for (let from = 0; from < rows; from += BLOCK_ROWS) {
      const to = Math.min(rows, from + BLOCK_ROWS);
      if (fillPlainFloats(found, data, { step: size, from, to })) continue;
      found.forEach((column, offset) => {
        if (column !== undefined) fillColumn(column, { data, datatype, offset, step: size, from, to }, rules, odd);
        else for (let i = from; i < to; i += 1) (data as Float64Array)[i * size + offset] = NaN;
      });
    }
  }
  return { name, datatype, shape: [rows, ...rowShape], data };
}

interface ListTarget {
  readonly data: WritableData;
  readonly datatype: NamedTensor['datatype'];
  readonly rules: FloatRules;
}

function readLists(column: Column, shape: readonly number[], target: ListTarget, odd: Uint8Array): void {
  const { data, datatype, rules } = target;
  const size = elementCount(shape);
  const { maxNesting } = DEFAULT_DECODE_LIMITS;
  const { flat, list } = column;
  if (flat !== undefined && list !== undefined && flat.length === odd.length * size) {
    const oddItems = new Uint8Array(flat.length);
    const items = { name: column.name, type: list.item, values: flat };
    fillColumn(items, { data, datatype, offset: 0, step: 1, from: 0, to: flat.length }, rules, oddItems);
    for (let at = oddItems.indexOf(1); at !== -1; at = oddItems.indexOf(1, at + 1)) odd[Math.floor(at / size)] = 1;
    return;
  }
  for (let i = 0; i < odd.length; i += 1) {
    const value = valueAt(column, i);
    const fits =
      isList(value) && fillFrom(value, shape, size, datatype, data, i * size, maxNesting, rules) === undefined;
    if (!fits) odd[i] = 1;
  }
}

function sliceNamed(tensor: NamedTensor, row: number): NamedTensor {
  return { ...sliceRows(tensor, row, row + 1), name: tensor.name };
}

function problemOf(check: () => unknown): ServeryError | undefined {
  try {
    check();
    return undefined;
  } catch (error) {
    if (error instanceof ServeryError) return error;
    throw error;
  }
}
