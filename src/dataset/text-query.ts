/**
 * The query over the records of a range: values, what does not fit, and whether interval and `where` leave a row in.
 */
import type { DataInterval } from '../core/data-interval.ts';
import { cellReader } from './csv-cells.ts';
import type { InputPlan } from './input.ts';
import { NO_RECORD, TIME_MISFIT } from './judge-rows.ts';
import { originalName } from './source.ts';
import { ident } from './sql-text.ts';
import { readerOf } from './text-columns.ts';
import type { CellReader, OpenedText } from './text-format.ts';
import type { Spool, Text } from './text-spool.ts';
import { timeFilter } from './time-filter.ts';

/** Values of the columns, then: the number of the first misfit (null for none), whether to keep the row, its text. */
export function rangeQuery(
  text: Text,
  spool: Spool,
  opened: OpenedText,
  { columns, whereColumns = [] }: Pick<InputPlan, 'columns' | 'whereColumns'>,
  readers: readonly CellReader[],
) {
  const { options, context } = text;
  const { isRecord } = opened;
  const cells = columns.map(({ name }) => spool.cell(originalName(options, name)));
  const value = (i: number) => ident(`servery:v${i}`);
  const [problem, keep] = [ident('servery:problem'), ident('servery:keep')];
  const time =
    context.interval === undefined
      ? undefined
      : timeOf(text, context.interval, spool.cell(originalName(options, options.timeColumn ?? '')));
  const misfits = readers.flatMap((reader, i) =>
    reader.misfit === undefined ? [] : [`WHEN ${reader.misfit(cells[i]!, value(i))} THEN ${i}`],
  );
  if (time !== undefined) misfits.unshift(`WHEN ${time.unreadable} THEN ${TIME_MISFIT}`);
  if (isRecord !== undefined) misfits.unshift(`WHEN NOT ${isRecord} THEN ${NO_RECORD}`);
  const conditions = [
    ...(time === undefined ? [] : [`(${time.inside} OR ${time.unreadable})`]),
    ...(options.where === undefined ? [] : [`(${options.where}\n)`]),
  ];
  const derived = [
    ...readers.map((reader, i) => `${reader.value(cells[i]!)} AS ${value(i)}`),
    ...whereColumns.map(
      (column) => `${readerOf(text, column).value(spool.cell(column.name))} AS ${ident(column.name)}`,
    ),
  ];
  const misfit = misfits.length === 0 ? 'CAST(NULL AS INTEGER)' : `CAST(CASE ${misfits.join(' ')} END AS INTEGER)`;
  // What is no record cannot be outside: nobody can read its time.
  const isKept = conditions.length === 0 ? 'true' : `coalesce(${conditions.join(' AND ')}, false)`;
  const isKeptOrBroken = isRecord === undefined ? isKept : `(${isKept} OR NOT ${isRecord})`;
  const sql =
    `SELECT ${[...readers.keys()].map((i) => `${value(i)}, `).join('')}${problem}, ${keep}, ` +
    `CASE WHEN ${problem} IS NOT NULL THEN CAST(${opened.cells} AS VARCHAR) END ` +
    `FROM (SELECT *, ${misfit} AS ${problem}, ${isKeptOrBroken} AS ${keep} ` +
    `FROM (SELECT *${derived.map((expression) => `, ${expression}`).join('')} FROM ${spool.table}))`;
  const types = [
    ...readers.map(({ type }) => ({ type: type === 'LIST' ? ('TEXT' as const) : type })),
    ...(['INT32', 'BOOL', 'TEXT'] as const).map((type) => ({ type })),
  ];
  return { sql, types };
}

/** @throws {ServeryError} `DATA_INVALID` for a unit or column that cannot be */
export function timeOf({ options, context, format }: Text, interval: DataInterval, cell: string) {
  const { timeColumn, timeUnit, timeZone = context.timezone } = options;
  if (timeColumn === undefined) return undefined;
  const column = { name: timeColumn, timeZone, timeUnit };
  if (timeUnit === undefined) {
    const text = format.kind === 'csv' ? cell : `json_extract_string(${cell}, '$')`;
    return timeFilter({ ...column, sql: text, sqlType: 'VARCHAR' }, interval);
  }
  const number = format.kind === 'csv' ? cellReader('INT64') : format.reader('INT64');
  const value = `(${number.value(cell)})`;
  const { inside } = timeFilter({ ...column, sql: value, sqlType: 'BIGINT' }, interval);
  return { inside, unreadable: number.misfit!(cell, value) };
}
