/**
 * Records of text files → a file of our own that DuckDB can read: canonical, and without the bad lines.
 */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { BadLine } from './csv-records.ts';
import type { PlannedFile, PlannedRange } from './input.ts';
import { mapInOrder } from './map-in-order.ts';
import type { Source } from './source.ts';
import type { OpenedText, TextFormat } from './text-format.ts';
import { TextReader, openSpool, type TextFile } from './text-ranges.ts';

/** Each holds a block of its file in memory. */
export const FILES_AT_ONCE = 4;

/** What every step works with. */
export interface Text extends Source {
  readonly format: TextFormat;
  readonly reader: TextReader;
}

export interface FoundText extends TextFile {
  readonly opened: OpenedText;
}

/** A range with the file that it is of. */
export interface Part extends Pick<FoundText, 'file' | 'opened'> {
  readonly range: PlannedRange;
}

export interface Spool extends AsyncDisposable {
  readonly table: string;
  readonly bad: readonly BadLine[];
  readonly goodRows: number;
  cell(original: string): string;
}

let spools = 0;

export async function spoolRange(
  text: Text,
  file: PlannedFile,
  range: PlannedRange,
  opened: OpenedText,
  fields: readonly string[],
): Promise<Spool> {
  return openSpoolFor(text, opened, fields, (spool) =>
    text.reader.read(text, file, range, opened, (blocks) => spool.write(blocks)),
  );
}

/** Records of files of one form, in any order. */
export async function spoolParts(text: Text, parts: readonly Part[], fields: readonly string[]): Promise<Spool> {
  const [{ file, range, opened }] = parts as [Part];
  if (parts.length === 1) return spoolRange(text, file, range, opened, fields);
  return openSpoolFor(text, opened, fields, async (spool) => {
    let written = Promise.resolve();
    const found = await mapInOrder(parts, FILES_AT_ONCE, async (part) => {
      await using reader = new TextReader();
      return await reader.read(text, part.file, part.range, part.opened, (blocks) => {
        written = written.then(() => spool.write(blocks));
        return written;
      });
    });
    return { bad: [], goodRows: found.reduce((sum, { goodRows }) => sum + goodRows, 0) };
  });
}

type Filled = Pick<Spool, 'bad' | 'goodRows'>;

async function openSpoolFor(
  text: Text,
  opened: OpenedText,
  fields: readonly string[],
  fill: (spool: Awaited<ReturnType<typeof openSpool>>) => Promise<Filled>,
): Promise<Spool> {
  const { spoolFolder } = text.context;
  await mkdir(spoolFolder, { recursive: true });
  spools += 1;
  const path = join(spoolFolder, `range-${process.pid}-${spools}`);
  const remove = () => rm(path, { force: true });
  try {
    await using spool = await openSpool(path);
    return {
      ...(await fill(spool)),
      table: opened.table(path, fields),
      cell: (original) => opened.cell(original, fields),
      [Symbol.asyncDispose]: remove,
    };
  } catch (error) {
    await remove();
    throw error;
  }
}
