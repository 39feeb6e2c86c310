/** Columns become the very tensors that their rows would become one by one, and fail with the same words. */
import assert from 'node:assert/strict';
import { describe, it, test } from 'node:test';
import fc from 'fast-check';
import type { Column, ColumnType } from '../../../src/core/columns.ts';
import { ServeryError } from '../../../src/core/errors.ts';
import { checkInputs, type Signature, type TensorSpec } from '../../../src/core/signature.ts';
import {
  DATATYPES,
  allocate,
  type Datatype,
  type NumericData,
  type NumericDatatype,
  type Tensor,
} from '../../../src/core/tensor.ts';
import {
  columnsToRead,
  decodeColumns,
  decodeRows,
  encodeColumns,
  encodeRows,
  inputColumns,
} from '../../../src/protocol/rows.ts';

const spec = (
  name: string,
  datatype: Datatype,
  shape: (number | null)[],
  more: Partial<TensorSpec> = {},
): TensorSpec => ({
  name,
  datatype,
  shape,
  ...more,
});
const taking = (...inputs: TensorSpec[]): Signature => ({ inputs, outputs: [], batched: true });

const NUMERIC: readonly NumericDatatype[] = DATATYPES.filter(
  (d) => d !== 'BYTES' && d !== 'FP16' && d !== 'BOOL',
) as NumericDatatype[];

function columnOf(name: string, type: ColumnType, values: readonly unknown[]): Column {
  const nulls = Uint8Array.from(values, (value) => (value === null ? 1 : 0));
  const isTyped = type === 'BOOL' || (NUMERIC as readonly string[]).includes(type);
  const hasNulls = nulls.includes(1);
  if (!isTyped) return { name, type, values, nulls: hasNulls ? nulls : undefined };
  const typed = allocate(type as NumericDatatype, values.length);
  values.forEach((value, i) => {
    if (value !== null) typed[i] = (typeof value === 'boolean' ? Number(value) : value) as never;
  });
  return { name, type, values: typed, nulls: hasNulls ? nulls : undefined };
}

/** The value as a row of JSON would have it: integers beyond 2^53 alone are bigint. */
function rowValue({ type, values, nulls }: Column, i: number): unknown {
  if (nulls?.[i] === 1) return null;
  const value: unknown = values[i];
  if (type === 'BOOL') return value !== 0;
  return asJson(value);
}

function asJson(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(asJson);
  return typeof value === 'bigint' && Number.isSafeInteger(Number(value)) ? Number(value) : value;
}

/** What each row becomes by itself. */
function oneByOne(signature: Signature, columns: readonly Column[], rows: number) {
  return Array.from({ length: rows }, (_, i) => {
    const row = Object.fromEntries(columns.map((column) => [column.name, rowValue(column, i)]));
    try {
      const options = { unknownKeys: 'ignore', nonFinite: 'refuse', nameRow: () => `row ${i}` } as const;
      return checkInputs(signature, decodeRows(signature, [row], options)).tensors.map(unnamed);
    } catch (error) {
      if (error instanceof ServeryError) return error;
      throw error;
    }
  });
}

function assertAgrees(signature: Signature, columns: readonly Column[], rows: number): void {
  const expected = oneByOne(signature, columns, rows);
  const bound = inputColumns(
    signature,
    columns.map(({ name }) => name),
  );
  const { groups, badRows } = decodeColumns(signature, bound, { rows, columns }, { nameRow: (i) => `row ${i}` });
  const seen = new Set<number>();
  for (const { position, error } of badRows) {
    const wanted = expected[position];
    assert.ok(wanted instanceof ServeryError, `row ${position} should be good, and is bad: ${error.message}`);
    assert.deepEqual([error.code, error.message, error.hint], [wanted.code, wanted.message, wanted.hint]);
    seen.add(position);
  }
  for (const { positions, rows: count, parts } of groups) {
    let at = 0;
    for (const part of parts) {
      const partRows = signature.batched ? (part[0]?.shape[0] ?? 1) : 1;
      for (let i = 0; i < partRows; i += 1, at += 1) {
        const position = positions === undefined ? at : positions[at]!;
        const wanted = expected[position] as readonly Tensor[];
        assert.ok(Array.isArray(wanted), `row ${position} should be bad`);
        const row = signature.batched ? part.map((tensor) => rowOf(tensor, i)) : part.map(unnamed);
        assert.deepEqual(row, wanted);
        seen.add(position);
      }
    }
    assert.equal(at, count);
  }
  assert.equal(seen.size, rows, 'a row was lost');
}

function unnamed({ datatype, shape, data }: Tensor): Tensor {
  return { datatype, shape, data };
}

function rowOf({ datatype, shape: [, ...inner], data }: Tensor, i: number): Tensor {
  const size = inner.reduce((product, axis) => product * axis, 1);
  return { datatype, shape: [1, ...inner], data: data.slice(i * size, (i + 1) * size) as Tensor['data'] };
}

const ODD_NUMBERS = [0, -0, 1, -1, 0.5, 255, 256, 65_536, 2 ** 31, 2 ** 53, 1e39, -1e300, NaN, Infinity, -Infinity];
const numbers = fc.oneof(fc.constantFrom(...ODD_NUMBERS), fc.integer({ min: -300, max: 300 }), fc.double());
const bigs = fc.oneof(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }), fc.bigInt({ min: -5n, max: 5n }));
const texts = fc.oneof(fc.string({ maxLength: 4 }), fc.constantFrom('', 'é', '\0', '\ud800', '12', 'true'));

function valuesOf(type: ColumnType): fc.Arbitrary<unknown> {
  if (type === 'TEXT') return texts;
  if (type === 'BYTES') return fc.uint8Array({ maxLength: 3 });
  if (type === 'BOOL') return fc.boolean();
  if (type === 'LIST') return fc.array(fc.oneof(numbers, fc.constant(null), texts), { maxLength: 3 });
  return type === 'INT64' || type === 'UINT64' ? bigs : numbers;
}

const TYPES: readonly ColumnType[] = [...(NUMERIC as readonly ColumnType[]), 'BOOL', 'TEXT', 'BYTES', 'LIST'];

function columnWith(name: string, rows: number): fc.Arbitrary<Column> {
  return fc
    .constantFrom(...TYPES)
    .chain((type) =>
      fc
        .array(fc.option(valuesOf(type), { freq: 4 }), { minLength: rows, maxLength: rows })
        .map((values) => columnOf(name, type, values)),
    );
}

const ROWS = 6;

describe('columns are what their rows are', () => {
  for (const datatype of DATATYPES) {
    const more: Partial<TensorSpec>[] = [{}];
    if (datatype.startsWith('FP')) more.push({ missing: 'nan' });
    if (datatype === 'BYTES') more.push({ text: true });
    for (const extra of more) {
      const title = `${datatype} ${JSON.stringify(extra)}`;
      test(`${title}, one value a row`, () => {
        const signature = taking(spec('a', datatype, [null], extra));
        fc.assert(
          fc.property(columnWith('a', ROWS), (a) => assertAgrees(signature, [a], ROWS)),
          { numRuns: 60 },
        );
      });
      test(`${title}, features`, () => {
        const signature = taking(spec('X', datatype, [null, 2], { ...extra, features: ['a', 'b'] }));
        const both = fc.tuple(columnWith('a', ROWS), columnWith('b', ROWS));
        fc.assert(
          fc.property(both, (columns) => assertAgrees(signature, columns, ROWS)),
          { numRuns: 60 },
        );
      });
      test(`${title}, lists`, () => {
        const lists = fc
          .array(
            fc.option(
              fc.array(
                valuesOf('LIST').chain(() => numbers),
                { minLength: 1, maxLength: 3 },
              ),
            ),
            {
              minLength: ROWS,
              maxLength: ROWS,
            },
          )
          .map((values) => columnOf('X', 'LIST', values));
        for (const shape of [
          [null, 2],
          [null, null],
        ]) {
          const signature = taking(spec('X', datatype, shape, extra));
          fc.assert(
            fc.property(lists, (column) => assertAgrees(signature, [column], ROWS)),
            { numRuns: 30 },
          );
        }
      });
    }
  }

  for (const missing of ['refuse', 'nan'] as const) {
    test(`many floats, of which few are odd; missing: ${missing}`, () => {
      const rows = 1200;
      const features = ['a', 'b', 'c', 'd', 'e', 'f'];
      const odd: Readonly<Record<string, number | null>> = {
        'a 3': 3.4028234663852886e38,
        'b 4': 3.4028235677973366e38,
        'c 520': -3.4028235677973366e38,
        'd 521': NaN,
        'e 522': -Infinity,
        'f 1199': null,
      };
      const columns = features.map((name, j) => {
        const values = Array.from({ length: rows }, (_, i) => {
          const key = `${name} ${i}`;
          return key in odd ? odd[key]! : Math.fround(i / 7 - j);
        });
        return columnOf(name, 'df'.includes(name) ? 'FP32' : 'FP64', values);
      });
      const more = missing === 'nan' ? { features, missing } : { features };
      assertAgrees(taking(spec('x', 'FP32', [null, 6], more)), columns, rows);
    });
  }

  test('lists of one length, as their values one after the other', () => {
    const flat = fc.constantFrom(...(NUMERIC as readonly ColumnType[])).chain((item) =>
      fc.array(valuesOf(item), { minLength: 2 * ROWS, maxLength: 2 * ROWS }).map((values): Column => {
        const { values: typed } = columnOf('X', item, values);
        const rows = Array.from({ length: ROWS }, (_, i) => Array.from(typed.slice(2 * i, 2 * i + 2)));
        return { name: 'X', type: 'LIST', values: rows, flat: typed as NumericData, list: { item, depth: 1 } };
      }),
    );
    for (const datatype of DATATYPES) {
      const signature = taking(spec('X', datatype, [null, 2]));
      fc.assert(
        fc.property(flat, (column) => assertAgrees(signature, [column], ROWS)),
        { numRuns: 40 },
      );
    }
  });

  it('several inputs at once: a row is bad by the first thing that is wrong with it', () => {
    const signature = taking(
      spec('age', 'INT32', [null]),
      spec('X', 'FP32', [null, 2], { features: ['a', 'b'], missing: 'nan' }),
      spec('word', 'BYTES', [null], { text: true }),
    );
    const columns = fc.tuple(...['age', 'a', 'b', 'word'].map((name) => columnWith(name, ROWS)));
    fc.assert(
      fc.property(columns, (all) => assertAgrees(signature, all, ROWS)),
      { numRuns: 200 },
    );
  });

  it('a signature without rows: each row is a call', () => {
    const signature: Signature = { inputs: [spec('x', 'FP32', [2])], outputs: [], batched: false };
    const column = columnOf('x', 'LIST', [[1, 2], [3], null, [4, 5]]);
    assertAgrees(signature, [column], 4);
  });
});

describe('which columns are read', () => {
  const signature = taking(spec('X', 'FP32', [null, 2], { features: ['a', 'b'] }), spec('n', 'INT32', [null]));

  it('those of the features, or the list of them, and no others', () => {
    assert.deepEqual(columnsToRead(inputColumns(signature, ['id', 'b', 'n', 'a'])), ['a', 'b', 'n']);
    assert.deepEqual(columnsToRead(inputColumns(signature, ['X', 'n'])), ['X', 'n']);
  });

  it('names those that are missing', () => {
    assert.throws(() => inputColumns(signature, ['a', 'n']), /Cannot find the columns "b" that the model takes/);
  });

  it('leaves out a feature that may be missing, but not all of them', () => {
    const lenient = taking(spec('X', 'FP32', [null, 2], { features: ['a', 'b'], missing: 'nan' }));
    assert.deepEqual(columnsToRead(inputColumns(lenient, ['a'])), ['a']);
    assert.throws(() => inputColumns(lenient, ['c']), /"a", "b"/);
    assertAgrees(lenient, [columnOf('a', 'FP64', [1, null, 3])], 3);
  });
});

describe('outputs as columns', () => {
  const signature: Signature = {
    inputs: [],
    batched: true,
    outputs: [
      spec('label', 'INT64', [null], { labels: ['no', 'yes'] }),
      spec('probabilities', 'FP32', [null, 2], { labels: ['no', 'yes'] }),
      spec('half', 'FP16', [null]),
      spec('ok', 'BOOL', [null]),
      spec('word', 'BYTES', [null]),
    ],
  };
  const outputs: Tensor[] = [
    { datatype: 'INT64', shape: [3], data: BigInt64Array.of(0n, 1n, 7n) },
    { datatype: 'FP32', shape: [3, 2], data: Float32Array.of(0.5, 0.25, 1, 2, NaN, 3) },
    { datatype: 'FP16', shape: [3], data: Uint16Array.of(0x3c00, 0xc000, 0) },
    { datatype: 'BOOL', shape: [3], data: Uint8Array.of(1, 0, 1) },
    { datatype: 'BYTES', shape: [3], data: ['a', 'é', ''] },
  ];

  for (const labels of [false, true]) {
    it(`have the names and values that rows have${labels ? ', with labels' : ''}`, () => {
      const columns = encodeColumns(signature, outputs, 3, labels);
      const rows = encodeRows(signature, outputs, 3, { labels });
      assert.deepEqual(
        columns.map(({ name }) => name),
        Object.keys(rows[0]!),
      );
      for (const column of columns) {
        rows.forEach((row, i) => {
          const expected = column.type === 'TEXT' ? String(row[column.name]) : row[column.name];
          const value = rowValue(column, i);
          assert.deepEqual(value, expected, `${column.name} ${i}`);
        });
      }
    });
  }
});
