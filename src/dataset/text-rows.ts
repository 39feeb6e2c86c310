/**
 * The rows of a range of a text file, with the bad ones among them.
 */
import type { Column } from '../core/columns.ts';
import { ServeryError, quote } from '../core/errors.ts';
import type { BadLine } from './csv-records.ts';
import { streamChunks } from './duckdb.ts';
import type { BadInput, InputPlan, InputRows, PlannedFile, PlannedRange } from './input.ts';
import { judge } from './judge-rows.ts';
import { bad, originalName } from './source.ts';
import { readerOf } from './text-columns.ts';
import type { OpenedText } from './text-format.ts';
import { rangeQuery } from './text-query.ts';
import { RowNumbers } from './text-ranges.ts';
import { spoolRange, type Text } from './text-spool.ts';
import { ColumnGatherer } from './vectors-in.ts';

export async function* readRange(
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
