/**
 * Text files (CSV, NDJSON) as an input.
 *
 * Records are found here and read by DuckDB: a range goes, in canonical form and without its bad lines, through a file
 * in the spool folder. So a damaged line costs itself, a row has its number, and cells are read at DuckDB's speed.
 */
import { ServeryError, quote } from '../core/errors.ts';
import { confirmPin } from './find-files.ts';
import type { BadInput, InputRows } from './input.ts';
import { lostTail } from './judge-rows.ts';
import { mapInOrder } from './map-in-order.ts';
import { chunkRanges, sealPlan } from './plan-chunks.ts';
import { bad, givenName, missingColumn, originalName, type FileSource } from './source.ts';
import { planColumns, plannedColumn, requests, whereRequests } from './text-columns.ts';
import type { OpenedText, TextFormat } from './text-format.ts';
import { timeOf } from './text-query.ts';
import { TextReader, planText } from './text-ranges.ts';
import { readRange } from './text-rows.ts';
import { FILES_AT_ONCE } from './text-spool.ts';

export function textSource(format: TextFormat): FileSource & AsyncDisposable {
  const reader = new TextReader();
  return {
    async describe(source, path) {
      const { columns, source: name } = await format.open(source, path);
      if (columns.length === 0) throw new ServeryError('DATA_INVALID', `Cannot read ${quote(name)}: it is empty`);
      return columns.map((column) => ({ ...column, name: givenName(source.options, column.name) }));
    },

    async plan(source, paths, wanted, onDamage) {
      const text = { ...source, format, reader };
      const asked = requests(source, wanted);
      const found = await mapInOrder(paths, FILES_AT_ONCE, async (path, index) => {
        const opened = await format.open(source, path);
        for (const { original } of asked) checkColumn(opened, original);
        if (source.options.timeColumn !== undefined) {
          checkColumn(opened, originalName(source.options, source.options.timeColumn));
        }
        return { opened, ...(await planText(source, index, opened, onDamage)) };
      });
      const files = found.map(({ file }) => file);
      const ranges = found.flatMap((planned) => planned.ranges);
      const told = found.find(({ opened }) => opened.columns.length > 0) ?? found[0]!;
      const where = whereRequests(source, told.opened, asked);
      timeOf(text, { startMs: 0, endMs: 1 }, "''");
      const planned = await planColumns(text, found, [...asked, ...where]);
      return sealPlan({
        kind: format.kind,
        files,
        columns: planned.slice(0, asked.length),
        ...(where.length > 0 && { whereColumns: planned.slice(asked.length) }),
        chunks: chunkRanges(ranges, source.options.chunkRows),
      });
    },

    async sample(source, path, wanted, rows) {
      await using own = new TextReader();
      const context = { ...source.context, interval: undefined };
      const text = {
        ...source,
        options: { ...source.options, where: undefined, chunkRows: rows },
        context,
        format,
        reader: own,
      };
      const opened = await format.open(text, path);
      const { file, ranges } = await planText(text, 0, opened, 'keep', rows);
      const columns = wanted.map((column) => plannedColumn(text, column));
      const found: (InputRows | BadInput)[] = [];
      if (ranges[0]?.toByte === undefined) return found;
      for await (const part of readRange(text, { columns }, file, ranges[0], opened)) found.push(part);
      return found;
    },

    async *read(source, plan, chunk) {
      for (const range of chunk.ranges) {
        const file = plan.files[range.file]!;
        await confirmPin(file);
        if (range.toByte === undefined) yield bad(lostTail(file, range));
        else yield* readRange({ ...source, format, reader }, plan, file, range, await format.open(source, file.path));
      }
    },

    [Symbol.asyncDispose]: () => reader[Symbol.asyncDispose](),
  };
}

function checkColumn({ columns, isComplete, source }: OpenedText, original: string): void {
  if (isComplete && !columns.some(({ name }) => name === original)) throw missingColumn(original, source);
}
