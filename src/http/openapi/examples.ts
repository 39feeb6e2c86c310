/** Example requests, made of the example row of a version, so that what the documentation shows works when it is sent. */
import type { Signature } from '../../core/signature.ts';
import { isBytes, type TensorData } from '../../core/tensor.ts';
import { decodeRows } from '../../protocol/rows.ts';
import { toJson, type Schema } from './json-schema.ts';

type Row = Readonly<Record<string, unknown>>;

export function ndjsonExample(rows: readonly Row[]): string {
  return rows.map((row) => `${toJson(row)}\n`).join('');
}

export function csvExample(rows: readonly Row[]): string {
  const [first = {}] = rows;
  const names = Object.keys(first);
  const lines = [names, ...rows.map((row) => names.map((name) => row[name]))];
  return lines.map((cells) => `${cells.map(csvCell).join(',')}\n`).join('');
}

function csvCell(value: unknown): string {
  const text = typeof value === 'string' ? value : value == null ? '' : toJson(value);
  return /[",\r\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Undefined when an input has no form in JSON, or the row does not fit. */
export function inferExample(signature: Signature, row: Row): Schema | undefined {
  if (signature.inputs.some(({ datatype }) => datatype === 'FP16')) return undefined;
  try {
    const inputs = decodeRows(signature, [row]).map(({ name, datatype, shape, data }) => ({
      name,
      datatype,
      shape,
      data: valuesOf(data, datatype === 'BOOL'),
    }));
    return { inputs };
  } catch {
    return undefined; // an example is worth less than the document
  }
}

function valuesOf(data: TensorData, areFlags: boolean): unknown[] {
  if (isBytes(data)) return [...data];
  return Array.from<number | bigint, unknown>(data, (value) => {
    if (areFlags) return value !== 0;
    return typeof value === 'bigint' && Number.isSafeInteger(Number(value)) ? Number(value) : value;
  });
}
