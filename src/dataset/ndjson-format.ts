/**
 * NDJSON: a JSON object on each line.
 *
 * DuckDB's own reader turns a broken line into a row of nulls, so lines are read as texts and each is asked whether it
 * is an object. Values must have the JSON type that their column is for: "5" is no number.
 */
import type { ColumnType } from '../core/columns.ts';
import { ServeryError, quote } from '../core/errors.ts';
import { isFloat, isInteger } from './column-types.ts';
import { isExactDouble } from './csv-cells.ts';
import { sizes } from './csv-format.ts';
import { commonForm, hivePartitions, nameSource } from './find-files.ts';
import type { InputColumn } from './input.ts';
import { fileToRead, ident, literal, textOrNull } from './sql-text.ts';
import type { CellReader, TextFormat } from './text-format.ts';
import { firstBytes } from './text-ranges.ts';

const LOOK_BYTES = 1024 * 1024;
/** A control character that no JSON may hold as it is: a line that does is broken. */
const NO_JSON = 1;
const LINE = ident('servery:line');
const FIELDS = ident('servery:fields');

export const ndjsonFormat: TextFormat = {
  kind: 'ndjson',

  async open({ options, context }, path) {
    const source = nameSource(path, context.workspace);
    const { compression } = commonForm(options, [path]);
    const { maxLineBytes } = options.csv;
    const bytes = await firstBytes(path, source, compression, LOOK_BYTES);
    const partitions = options.hivePartitions ? hivePartitions(path) : new Map<string, string | null>();
    const found = new Map<string, InputColumn>(look(bytes).map((column) => [column.name, column]));
    for (const key of partitions.keys()) if (!found.has(key)) found.set(key, { name: key, type: 'TEXT' });
    if (found.size === 0 && bytes.length > 0) {
      throw new ServeryError('DATA_INVALID', `Cannot read ${quote(source)}: none of its first lines is a JSON object`);
    }
    const hasBom = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
    return {
      path,
      source,
      compression,
      form: { delimiter: NO_JSON, quote: undefined, cells: 1, maxLineBytes },
      start: { row: 0, line: 0, byte: hasBom ? 3 : 0 },
      columns: bytes.length === 0 ? [] : [...found.values()],
      isComplete: false,
      table(spool, fields) {
        const lines =
          `read_csv(${fileToRead(spool)}, auto_detect = false, hive_partitioning = false, header = false, strict_mode = false, new_line = '\\n', ` +
          `delim = ${literal(String.fromCharCode(NO_JSON))}, quote = '', escape = '', allow_quoted_nulls = false, ` +
          `${sizes(maxLineBytes)}, columns = {'servery:line': 'VARCHAR'})`;
        const paths = fields.map((field) => literal(pointer(field))).join(', ');
        const isRecord = `CASE WHEN json_valid(${LINE}) THEN json_type(${LINE}) = 'OBJECT' ELSE false END`;
        return (
          `(SELECT *, CASE WHEN ${ident('servery:ok')} THEN json_extract(${LINE}, [${paths}]) END AS ${FIELDS} ` +
          `FROM (SELECT *, ${isRecord} AS ${ident('servery:ok')} FROM ${lines}))`
        );
      },
      cell(original, fields) {
        const partition = partitions.get(original);
        // A key of the object wins over one of the path.
        const field = `${FIELDS}[${fields.indexOf(original) + 1}]`;
        return partition === undefined ? field : `coalesce(${field}, to_json(${textOrNull(partition)}))`;
      },
      cells: LINE,
      isRecord: ident('servery:ok'),
    };
  },

  reader: jsonReader,

  candidates: [
    {
      type: 'INT64',
      fits: (cell) =>
        `json_type(${cell}) IN ('NULL', 'BIGINT', 'UBIGINT') AND (json_type(${cell}) = 'NULL' OR TRY_CAST(CAST(${cell} AS VARCHAR) AS BIGINT) IS NOT NULL)`,
    },
    {
      type: 'UINT64',
      fits: (cell) =>
        `json_type(${cell}) IN ('NULL', 'BIGINT', 'UBIGINT') AND (json_type(${cell}) = 'NULL' OR TRY_CAST(CAST(${cell} AS VARCHAR) AS UBIGINT) IS NOT NULL)`,
    },
    {
      type: 'FP64',
      fits: (cell) =>
        `json_type(${cell}) IN ('NULL', 'BIGINT', 'UBIGINT', 'DOUBLE') AND (json_type(${cell}) IN ('NULL', 'DOUBLE') OR ${isExactDouble(`CAST(${cell} AS VARCHAR)`)})`,
    },
    { type: 'BOOL', fits: (cell) => `json_type(${cell}) IN ('NULL', 'BOOLEAN')` },
    { type: 'TEXT', fits: (cell) => `json_type(${cell}) IN ('NULL', 'VARCHAR')` },
    { type: 'OTHER', fits: () => 'true' },
  ],

  payload(line) {
    try {
      return JSON.parse(line) as unknown;
    } catch {
      return line;
    }
  },
};

/** JSON pointer (RFC 6901): names may hold anything. */
function pointer(name: string): string {
  return `/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`;
}

/** Keys of the first objects, in the order in which they come. */
function look(bytes: Buffer): readonly InputColumn[] {
  const found = new Map<string, InputColumn>();
  const lines = bytes
    .toString('utf8')
    .replace(/^\ufeff/, '')
    .split('\n');
  // The last one may be cut by the limit.
  for (const line of lines.length > 1 ? lines.slice(0, -1) : lines) {
    let row: unknown;
    try {
      row = JSON.parse(line);
    } catch {
      continue;
    }
    if (typeof row !== 'object' || row === null || Array.isArray(row)) continue;
    for (const [name, value] of Object.entries(row)) {
      if (value !== null && !found.has(name)) found.set(name, { name, type: typeOf(value) });
    }
  }
  return [...found.values()];
}

function typeOf(value: unknown): ColumnType {
  if (typeof value === 'number') return 'FP64';
  if (typeof value === 'boolean') return 'BOOL';
  if (typeof value === 'string') return 'TEXT';
  return Array.isArray(value) ? 'LIST' : 'OTHER';
}

const text = (cell: string) => `CAST(${cell} AS VARCHAR)`;
/** A value that is there and gave nothing. */
const isLost = (cell: string, value: string) => `(${value} IS NULL AND json_type(${cell}) <> 'NULL')`;

function jsonReader(as: ColumnType | undefined): CellReader {
  const only = (type: ColumnType, kinds: string, value: (cell: string) => string, expected: string): CellReader => ({
    type,
    value: (cell) => `CASE WHEN json_type(${cell}) IN (${kinds}) THEN ${value(cell)} END`,
    misfit: isLost,
    expected,
  });
  if (as === 'BOOL') return only('BOOL', "'BOOLEAN'", (cell) => `${text(cell)} = 'true'`, 'true or false');
  if (as === 'TEXT' || as === 'BYTES') {
    return only('TEXT', "'VARCHAR'", (cell) => `json_extract_string(${cell}, '$')`, 'a text');
  }
  if (as === 'LIST') return only('LIST', "'ARRAY'", text, 'a list');
  const numbers = "'BIGINT', 'UBIGINT', 'DOUBLE'";
  if (isFloat(as)) return only('FP64', numbers, (cell) => `TRY_CAST(${text(cell)} AS DOUBLE)`, 'a number');
  if (isInteger(as)) {
    const sqlType = as === 'UINT64' ? 'UBIGINT' : 'BIGINT';
    const float = (cell: string) => `TRY_CAST(${text(cell)} AS DOUBLE)`;
    const value = (cell: string) =>
      `CASE WHEN json_type(${cell}) <> 'DOUBLE' THEN TRY_CAST(${text(cell)} AS ${sqlType}) ` +
      `WHEN ${float(cell)} = trunc(${float(cell)}) AND abs(${float(cell)}) <= 9007199254740991 ` +
      `THEN TRY_CAST(${float(cell)} AS ${sqlType}) END`;
    return only(as === 'UINT64' ? 'UINT64' : 'INT64', numbers, value, 'an integer');
  }
  // Anything, as JSON text.
  return {
    type: 'OTHER',
    value: (cell) => `CASE WHEN json_type(${cell}) <> 'NULL' THEN ${text(cell)} END`,
    expected: 'any value',
  };
}
