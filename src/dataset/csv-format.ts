/** CSV: a header, and cells without types. */
import { ServeryError, quote } from '../core/errors.ts';
import { CANDIDATES, cellReader } from './csv-cells.ts';
import { csvForm, readHeader } from './csv-records.ts';
import { commonForm, hivePartitions, nameSource } from './find-files.ts';
import { fileToRead, ident, literal, textOrNull } from './sql-text.ts';
import type { TextFormat } from './text-format.ts';
import { firstBytes } from './text-ranges.ts';

const HEADER_BYTES = 1024 * 1024;

export const csvFormat: TextFormat = {
  kind: 'csv',

  async open({ options, context }, path) {
    const source = nameSource(path, context.workspace);
    const { compression, delimiter } = commonForm(options, [path]);
    const { csv } = options;
    const bytes = await firstBytes(path, source, compression, HEADER_BYTES);
    // Nobody has written to it: it has no rows, and nobody can tell its columns.
    const header =
      bytes.length === 0
        ? { names: [], start: { row: 0, line: 0, byte: 0 } }
        : readHeader(bytes, csv, csvForm(csv, delimiter, undefined));
    if (header === undefined) {
      throw new ServeryError('DATA_INVALID', `Cannot read ${quote(source)}: it has no header line`, {
        hint: 'The first line has the names of the columns, without damage; `csv.header: false` says that there is none.',
      });
    }
    const { names, start } = header;
    const twice = names.find((column, i) => names.indexOf(column) !== i);
    if (twice !== undefined) {
      throw new ServeryError('DATA_INVALID', `Cannot read ${quote(source)}: two columns are named ${quote(twice)}`, {
        hint: 'Give each column a name of its own in the first line.',
      });
    }
    const form = csvForm(csv, delimiter, names.length);
    const partitions = options.hivePartitions ? hivePartitions(path) : new Map<string, string | null>();
    const all = [...names, ...[...partitions.keys()].filter((key) => !names.includes(key))];
    return {
      path,
      source,
      compression,
      form,
      start,
      columns: bytes.length === 0 ? [] : all.map((name) => ({ name, type: 'TEXT' })),
      isComplete: bytes.length > 0,
      table(spool) {
        const quoteText = literal(csv.quote);
        const texts = names.map((_, i) => `${literal(rawName(i))}: 'VARCHAR'`).join(', ');
        return (
          `read_csv(${fileToRead(spool)}, auto_detect = false, hive_partitioning = false, header = false, strict_mode = false, new_line = '\\n', ` +
          `delim = ${literal(String.fromCharCode(form.delimiter))}, quote = ${quoteText}, escape = ${quoteText}, ` +
          `nullstr = ${literal(csv.nullText)}, allow_quoted_nulls = false, ${sizes(form.maxLineBytes)}, ` +
          `columns = {${texts}})`
        );
      },
      cell(original) {
        const index = names.indexOf(original);
        return index === -1 ? textOrNull(partitions.get(original) ?? null) : ident(rawName(index));
      },
      cells: `to_json([${names.map((_, i) => ident(rawName(i))).join(', ')}])`,
      isRecord: undefined,
    };
  },

  reader: cellReader,
  candidates: CANDIDATES,

  payload(cells, { columns }) {
    const values = JSON.parse(cells) as readonly (string | null)[];
    return Object.fromEntries(values.map((value, i) => [columns[i]!.name, value]));
  },
};

function rawName(index: number): string {
  return `servery:c${index}`;
}

/** Of the reader behind: a line that was let through must fit. */
export function sizes(maxLineBytes: number): string {
  return `max_line_size = ${maxLineBytes + 16}, buffer_size = ${Math.max(32_000_000, maxLineBytes * 4 + 64)}`;
}
