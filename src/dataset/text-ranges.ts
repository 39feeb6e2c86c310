/**
 * Text files as ranges of records: what CSV and NDJSON share.
 *
 * Their rows have no numbers to find them by, so planning reads each file once and notes where chunks begin.
 */
import { open } from 'node:fs/promises';
import { ServeryError, quote } from '../core/errors.ts';
import { openBytes, type ByteReader } from './byte-reader.ts';
import { CsvRecords, type BadLine, type Position } from './csv-records.ts';
import { translateFailure } from './failures.ts';
import { checksumFile, pinFile, type Compression } from './find-files.ts';
import type { PlannedFile, PlannedRange } from './input.ts';
import type { Source } from './source.ts';
import type { OpenedText } from './text-format.ts';

const BLOCK_BYTES = 1024 * 1024;
/** A chunk of long rows ends earlier than `chunkRows`, since it passes through a file of its own. */
const LARGEST_RANGE_BYTES = 128 * 1024 * 1024;

export interface TextFile {
  readonly file: PlannedFile;
  readonly ranges: readonly PlannedRange[];
}

/** @param atMost rows to look at, for a sample */
export async function planText(
  source: Source,
  index: number,
  opened: OpenedText,
  onDamage: 'fail' | 'keep',
  atMost = Infinity,
): Promise<TextFile> {
  const { options, context } = source;
  const { path, source: name, form, compression, start } = opened;
  const pin = await pinFile(path);
  const checksum = atMost === Infinity ? await checksumFile(path, context.signal) : '';
  const ranges: PlannedRange[] = [];
  let begin = start;
  const close = (end: Position) => {
    if (end.row === begin.row) return;
    const { row: firstRow, byte: fromByte, line: linesBefore } = begin;
    ranges.push({ file: index, firstRow, rows: end.row - firstRow, fromByte, toByte: end.byte, linesBefore });
    begin = end;
  };
  const records = new CsvRecords(form, start, (position) => {
    const isFull = position.row - begin.row >= options.chunkRows || position.byte - begin.byte >= LARGEST_RANGE_BYTES;
    if (isFull) close(position);
  });
  let damage = 0;
  try {
    await using reader = await openBytes(path, name, compression, start.byte);
    await pump(reader, records, undefined, context.signal, () =>
      Promise.resolve(ranges.length === 0 || atMost === Infinity),
    );
  } catch (error) {
    if (onDamage === 'fail' || !(error instanceof ServeryError) || error.code !== 'DATA_INVALID') throw error;
    damage = 1;
  }
  if (atMost === Infinity || ranges.length === 0) close(records.position);
  const { row, byte, line } = records.position;
  if (damage > 0) {
    // How many rows are lost nobody can tell; they count as one.
    ranges.push({ file: index, firstRow: row, rows: 1, fromByte: byte, linesBefore: line });
  }
  const rows = damage > 0 ? undefined : row - start.row;
  return { file: { source: name, path, ...pin, checksum, rows }, ranges };
}

/** Every byte up to `to` through the records. */
async function pump(
  reader: ByteReader,
  records: CsvRecords,
  to: number | undefined,
  signal: AbortSignal | undefined,
  /** After each block; false to stop. */
  onBlock: () => Promise<boolean>,
): Promise<void> {
  for (;;) {
    signal?.throwIfAborted();
    const left = to === undefined ? BLOCK_BYTES : Math.min(BLOCK_BYTES, to - reader.position);
    const bytes = left > 0 ? await reader.read(left) : undefined;
    records.push(bytes ?? Buffer.alloc(0), bytes === undefined || reader.position === to);
    if (!(await onBlock()) || bytes === undefined || reader.position === to) return;
  }
}

/** Delivers ranges of text files; keeps the last file open, since ranges are mostly read in their order. */
export class TextReader implements AsyncDisposable {
  #last: { readonly path: string; readonly reader: ByteReader } | undefined;

  /** The records of a range, canonical, and the bad ones. */
  async read(
    source: Source,
    file: PlannedFile,
    range: PlannedRange,
    { form, compression }: OpenedText,
    onOutput: (blocks: readonly Buffer[]) => Promise<void>,
  ): Promise<{ readonly bad: readonly BadLine[]; readonly goodRows: number }> {
    const { fromByte = 0, toByte, firstRow, linesBefore = 0 } = range;
    const reader = await this.#open(file, compression, fromByte);
    const records = new CsvRecords(form, { row: firstRow, line: linesBefore, byte: fromByte });
    await pump(reader, records, toByte, source.context.signal, async () => {
      await onOutput(records.takeOutput());
      return true;
    });
    const bad = records.takeBad();
    if (records.goodRows + bad.length !== range.rows) {
      throw new ServeryError(
        'DATA_INVALID',
        `Cannot read ${quote(file.source)}: ${range.rows} rows were planned, and ${records.goodRows + bad.length} came`,
      );
    }
    return { bad, goodRows: records.goodRows };
  }

  async #open(file: PlannedFile, compression: Compression, from: number): Promise<ByteReader> {
    if (this.#last?.path === file.path && this.#last.reader.position === from) return this.#last.reader;
    await this.#last?.reader[Symbol.asyncDispose]();
    this.#last = undefined;
    const reader = await openBytes(file.path, file.source, compression, from);
    this.#last = { path: file.path, reader };
    return reader;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#last?.reader[Symbol.asyncDispose]();
  }
}

/** The first bytes of a text file, enough for one record. */
export async function firstBytes(path: string, source: string, compression: Compression, limit: number) {
  await using reader = await openBytes(path, source, compression, 0);
  const blocks: Buffer[] = [];
  let length = 0;
  while (length < limit) {
    // Damage further on is found, and said, by whoever reads it all.
    const block = await reader.read(limit - length).catch((error: unknown) => {
      if (length === 0) throw error;
      return undefined;
    });
    if (block === undefined) break;
    blocks.push(block);
    length += block.length;
  }
  return Buffer.concat(blocks);
}

/** Writes blocks to a file of our own. */
export async function openSpool(path: string) {
  const file = await open(path, 'w').catch((error: unknown) => {
    throw translateFailure(error);
  });
  return {
    async write(blocks: readonly Buffer[]): Promise<void> {
      if (blocks.length === 0) return;
      try {
        await file.writeFile(blocks.length === 1 ? blocks[0]! : Buffer.concat(blocks));
      } catch (error) {
        throw translateFailure(error);
      }
    },
    [Symbol.asyncDispose]: () => file.close(),
  };
}

/** The numbers of the good rows of a range, in their order. */
export class RowNumbers {
  readonly #bad: ReadonlySet<number>;
  #next: number;

  constructor(firstRow: number, bad: readonly BadLine[]) {
    this.#next = firstRow;
    this.#bad = new Set(bad.map(({ row }) => row));
  }

  /** 1 for the first row of the file. */
  take(count: number): Float64Array {
    const numbers = new Float64Array(count);
    for (let i = 0; i < count; i += 1) {
      while (this.#bad.has(this.#next)) this.#next += 1;
      this.#next += 1;
      numbers[i] = this.#next;
    }
    return numbers;
  }
}
