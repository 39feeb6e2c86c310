/**
 * Rows as people write them → tensors. The one mapping behind the plain door, NDJSON, CSV, embedded calls,
 * handlers and batch files.
 */
import { ServeryError, quote } from '../../core/errors.ts';
import type { Signature } from '../../core/signature.ts';
import { elementCount, type NamedTensor } from '../../core/tensor.ts';
import { DEFAULT_DECODE_LIMITS, countKeys, type DecodeLimits } from '../json.ts';
import { fillFrom, shapeOfNest } from '../nested-lists.ts';
import {
  allocateData,
  fill,
  isList,
  problemOf,
  type FloatRules,
  type ValueList,
  type WritableData,
} from '../values-in.ts';
import { rowPlan, type InputPlan, type RowPlan } from './input-plan.ts';

export interface DecodeRowsOptions {
  /** `refuse` (the default) online; `ignore` for files, whose other columns are left alone. */
  readonly unknownKeys?: 'refuse' | 'ignore';
  /** `accept` (the default) NaN and the infinities of JavaScript; in JSON an infinity is a number that was too large. */
  readonly nonFinite?: 'accept' | 'refuse';
  readonly limits?: DecodeLimits;
  /** How errors name a row; `rows[3]` by default. */
  readonly nameRow?: (index: number) => string;
}

/**
 * The inputs of a signature, in its order. A signature that is not batched takes one row, which is the whole call.
 *
 * @param rows objects by feature name, or lists in the order of the features
 * @throws {ServeryError} `INVALID_INPUT`, with the row and the key, and without the value
 */
export function decodeRows(
  signature: Signature,
  rows: readonly unknown[],
  options: DecodeRowsOptions = {},
): readonly NamedTensor[] {
  const plan = rowPlan(signature);
  const reader = new RowReader(signature, plan, rows, options);
  reader.checkForms();
  return plan.inputs.map((input) => reader.read(input));
}

type Row = Readonly<Record<string, unknown>> | readonly unknown[];

class RowReader {
  readonly #batched: boolean;
  readonly #plan: RowPlan;
  readonly #rows: readonly unknown[];
  readonly #refuseUnknown: boolean;
  readonly #nonFinite: boolean;
  readonly #limits: DecodeLimits;
  readonly #nameRow: (index: number) => string;

  constructor({ batched }: Signature, plan: RowPlan, rows: readonly unknown[], options: DecodeRowsOptions) {
    this.#batched = batched;
    this.#plan = plan;
    this.#rows = rows;
    this.#refuseUnknown = options.unknownKeys !== 'ignore';
    this.#nonFinite = options.nonFinite !== 'refuse';
    this.#limits = options.limits ?? DEFAULT_DECODE_LIMITS;
    this.#nameRow = options.nameRow ?? ((index) => `rows[${index}]`);
  }

  /** Each row is an object or a list, and has no more than it should. What is missing shows when it is read. */
  checkForms(): void {
    const { slots, keys, allowsMissing } = this.#plan;
    if (!this.#batched && this.#rows.length !== 1) {
      throw new ServeryError('INVALID_INPUT', `Cannot use ${this.#rows.length} rows: the model takes one row a call`);
    }
    for (let i = 0; i < this.#rows.length; i += 1) {
      const row = this.#rows[i];
      if (isList(row)) {
        if (slots !== undefined && row.length !== slots) {
          throw this.#problem(i, `it has ${row.length} values, expected ${slots}`);
        }
      } else if (typeof row !== 'object' || row === null) {
        throw this.#problem(i, 'expected an object, or a list of values');
      } else if (this.#refuseUnknown && (allowsMissing || countKeys(row) !== keys.size)) {
        this.#checkKeys(row as Row, i);
      }
    }
  }

  read(input: InputPlan): NamedTensor {
    const { spec, keys } = input;
    const rules = { nonFinite: this.#nonFinite, missing: spec.missing === 'nan' };
    const rowShape = keys === undefined ? this.#resolveShape(input) : (input.rowShape as readonly number[]);
    const size = elementCount(rowShape);
    if (this.#rows.length * size > this.#limits.maxElements) {
      const problem = `the rows have more than ${this.#limits.maxElements} values`;
      throw new ServeryError('PAYLOAD_TOO_LARGE', `Cannot use input ${quote(spec.name)}: ${problem}`);
    }
    const data = allocateData(spec.datatype, this.#rows.length * size);
    if (keys === undefined) this.#readLists(input, rowShape, size, data, rules);
    else this.#readFeatures(input, keys, data, rules);
    const shape = this.#batched ? [this.#rows.length, ...rowShape] : rowShape;
    return { name: spec.name, datatype: spec.datatype, shape, data };
  }

  #readFeatures(input: InputPlan, keys: readonly string[], data: WritableData, rules: FloatRules): void {
    const { datatype } = input.spec;
    const size = keys.length;
    const values = new Array<unknown>(size);
    for (let i = 0; i < this.#rows.length; i += 1) {
      const row = this.#rows[i] as Row;
      if (isList(row)) for (let j = 0; j < size; j += 1) values[j] = row[input.slot + j];
      else for (let j = 0; j < size; j += 1) values[j] = (row as Record<string, unknown>)[keys[j]!];
      if (fill(datatype, data, i * size, values, rules) !== -1) this.#readOddRow(input, keys, data, rules, i);
      else if (rules.missing && values.includes(undefined)) this.#readOddRow(input, keys, data, rules, i);
    }
  }

  /** A row that has something missing, wrong, or a list under the name of the input. */
  #readOddRow(input: InputPlan, keys: readonly string[], data: WritableData, rules: FloatRules, i: number): void {
    const row = this.#rows[i] as Row;
    const { name, datatype } = input.spec;
    const offset = i * keys.length;
    const under = isList(row) ? undefined : own(row, name);
    if (isList(under) && input.rowShape.length > 0) {
      if (this.#refuseUnknown) this.#checkKeys(row, i);
      const misfit = fillFrom(
        under,
        [keys.length],
        keys.length,
        datatype,
        data,
        offset,
        this.#limits.maxNesting,
        rules,
      );
      if (misfit !== undefined) throw this.#misfit(input, i, misfit);
      return;
    }
    const values = keys.map((key, j) => (isList(row) ? row[input.slot + j] : own(row, key)));
    const bad = fill(datatype, data, offset, values, rules);
    if (bad === -1) return;
    if (values[bad] === undefined) throw this.#problem(i, `${quote(keys[bad]!)} is missing`);
    throw problemOf(datatype, values[bad], `${quote(keys[bad]!)} of ${this.#nameRow(i)}`);
  }

  #readLists(input: InputPlan, shape: readonly number[], size: number, data: WritableData, rules: FloatRules): void {
    const { datatype } = input.spec;
    for (let i = 0; i < this.#rows.length; i += 1) {
      // A single value may do without its list.
      const value = this.#valueOf(input, i);
      const list = size === 1 && !isList(value) ? [value] : value;
      if (!isList(list)) throw this.#notList(input, i, value);
      const misfit = fillFrom(list, shape, size, datatype, data, i * size, this.#limits.maxNesting, rules);
      if (misfit !== undefined) throw this.#misfit(input, i, misfit);
    }
  }

  #valueOf({ spec, slot }: InputPlan, i: number): unknown {
    const row = this.#rows[i] as Row;
    if (!isList(row)) return own(row, spec.name);
    return this.#plan.slots === undefined ? row : row[slot];
  }

  /** Sizes of the free axes, as the first row has them. All rows must have the same: they become one tensor. */
  #resolveShape(input: InputPlan): readonly number[] {
    const { rowShape } = input;
    const free = rowShape.filter((size) => size === null).length;
    if (free === 0) return rowShape as readonly number[];
    if (this.#rows.length === 0) return rowShape.map((size) => size ?? 0);
    const value = this.#valueOf(input, 0);
    if (!isList(value)) throw this.#notList(input, 0, value);
    const nest = shapeOfNest(value, this.#limits.maxNesting);
    if (nest.length === rowShape.length) return rowShape.map((size, axis) => size ?? nest[axis]!);
    const known = elementCount(rowShape.map((size) => size ?? 1));
    const isFlat = nest.length === 1 && free === 1 && known > 0 && value.length % known === 0;
    if (isFlat) return rowShape.map((size) => size ?? value.length / known);
    throw this.#problem(0, `${quote(input.spec.name)} must be nested as deep as its ${rowShape.length} axes`);
  }

  #checkKeys(row: Row, i: number): void {
    const { knownKeys, inputs } = this.#plan;
    for (const key in row) {
      if (knownKeys.has(key)) continue;
      throw this.#problem(i, `the key ${quote(key)} is unknown`, `It takes ${listKeys(this.#plan)}.`);
    }
    for (const { spec, keys } of inputs) {
      if (keys === undefined || keys.includes(spec.name) || !Object.hasOwn(row, spec.name)) continue;
      const twice = keys.find((key) => Object.hasOwn(row, key));
      if (twice === undefined) continue;
      throw this.#problem(i, `${quote(twice)} is given by its name and in the list ${quote(spec.name)}`);
    }
  }

  #misfit({ spec }: InputPlan, i: number, misfit: NonNullable<ReturnType<typeof fillFrom>>): ServeryError {
    if ('problem' in misfit) return this.#problem(i, `${quote(spec.name)}: ${misfit.problem}`);
    return problemOf(
      spec.datatype,
      misfit.value,
      `element ${misfit.element} of ${quote(spec.name)} of ${this.#nameRow(i)}`,
    );
  }

  #notList({ spec }: InputPlan, i: number, value: unknown): ServeryError {
    return this.#problem(i, `${quote(spec.name)} ${value === undefined ? 'is missing' : 'is not a list'}`);
  }

  #problem(i: number, problem: string, hint?: string): ServeryError {
    const message = `Cannot use ${this.#nameRow(i)}: ${problem}`;
    return new ServeryError('INVALID_INPUT', message, hint === undefined ? {} : { hint });
  }
}

function own(row: Row | ValueList, key: string): unknown {
  return Object.hasOwn(row, key) ? (row as Record<string, unknown>)[key] : undefined;
}

const MOST_KEYS = 16;

function listKeys({ keys }: RowPlan): string {
  const names = [...keys].slice(0, MOST_KEYS).map(quote);
  return `${names.join(', ')}${keys.size > MOST_KEYS ? ', …' : ''}`;
}
