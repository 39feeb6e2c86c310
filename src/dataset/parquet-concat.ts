/**
 * Parquet files with one schema → one file, at the speed of copying.
 *
 * Row groups do not care where they stand: their bytes are copied as they are, and the footers merged with every offset
 * moved. Reading and writing the rows again would cost as much as writing them did.
 */
import type { FileHandle } from 'node:fs/promises';
import { open } from 'node:fs/promises';
import { decodeStruct, encodeStruct, type List, type Struct } from './thrift.ts';

const MAGIC = Buffer.from('PAR1');
const TAIL_BYTES = 8;

/** Field numbers of parquet.thrift. */
const FILE = { schema: 2, rows: 3, rowGroups: 4 } as const;
const ROW_GROUP = { columns: 1, fileOffset: 5, ordinal: 7 } as const;
const CHUNK = { fileOffset: 2, metadata: 3, offsetIndex: 4, columnIndex: 6 } as const;
const METADATA = { dataPage: 9, indexPage: 10, dictionaryPage: 11, bloomFilter: 14 } as const;

interface Footer {
  readonly struct: Struct;
  /** Where the pages end. */
  readonly end: number;
}

/**
 * @param write gets the bytes of the new file in order
 * @returns false, having written nothing, when the schemas differ
 */
export async function concatParquet(
  paths: readonly string[],
  write: (bytes: Buffer) => Promise<void>,
): Promise<boolean> {
  const footers: Footer[] = [];
  for (const path of paths) {
    await using file = await open(path, 'r');
    footers.push(await readFooter(file));
  }
  const [first] = footers;
  const schema = schemaBytes(first!.struct);
  if (footers.some(({ struct }) => !schemaBytes(struct).equals(schema))) return false;

  let at = MAGIC.length;
  let rows = 0n;
  const rowGroups: Struct[] = [];
  await write(MAGIC);
  for (const [i, path] of paths.entries()) {
    const { struct, end } = footers[i]!;
    const shift = BigInt(at - MAGIC.length);
    for (const group of listOf(struct, FILE.rowGroups).values as Struct[]) {
      moveRowGroup(group, shift, rowGroups.length);
      rowGroups.push(group);
    }
    rows += struct.get(FILE.rows)!.value as bigint;
    await copyRange(path, MAGIC.length, end, write);
    at += end - MAGIC.length;
  }
  first!.struct.get(FILE.rows)!.value = rows;
  listOf(first!.struct, FILE.rowGroups).values = rowGroups;
  const footer = encodeStruct(first!.struct);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(footer.length);
  await write(Buffer.concat([footer, length, MAGIC]));
  return true;
}

async function readFooter(file: FileHandle): Promise<Footer> {
  const { size } = await file.stat();
  const tail = await readAt(file, size - TAIL_BYTES, TAIL_BYTES);
  const length = tail.readUInt32LE(0);
  const end = size - TAIL_BYTES - length;
  return { struct: decodeStruct(await readAt(file, end, length)), end };
}

async function readAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const bytes = Buffer.alloc(length);
  const { bytesRead } = await file.read(bytes, 0, length, position);
  if (bytesRead < length) throw new Error('A Parquet file is shorter than its footer says');
  return bytes;
}

function schemaBytes(struct: Struct): Buffer {
  return encodeStruct(new Map([[FILE.schema, struct.get(FILE.schema)!]]));
}

function listOf(struct: Struct, field: number): List {
  return struct.get(field)!.value as List;
}

function moveRowGroup(group: Struct, shift: bigint, ordinal: number): void {
  move(group, ROW_GROUP.fileOffset, shift);
  const number = group.get(ROW_GROUP.ordinal);
  if (number !== undefined) number.value = BigInt(ordinal);
  for (const chunk of listOf(group, ROW_GROUP.columns).values as Struct[]) {
    for (const field of [CHUNK.fileOffset, CHUNK.offsetIndex, CHUNK.columnIndex]) move(chunk, field, shift);
    const metadata = chunk.get(CHUNK.metadata)!.value as Struct;
    for (const field of Object.values(METADATA)) move(metadata, field, shift);
  }
}

/** Zero and less mean that there is none. */
function move(struct: Struct, field: number, shift: bigint): void {
  const found = struct.get(field);
  if (found !== undefined && (found.value as bigint) > 0n) found.value = (found.value as bigint) + shift;
}

const COPY_BYTES = 4 * 1024 * 1024;

/** The bytes of a file from `from` up to `to`, in blocks. */
export async function copyRange(
  path: string,
  from: number,
  to: number,
  write: (bytes: Buffer) => Promise<void>,
): Promise<void> {
  await using file = await open(path, 'r');
  const block = Buffer.allocUnsafe(Math.min(COPY_BYTES, Math.max(1, to - from)));
  for (let at = from; at < to;) {
    const { bytesRead } = await file.read(block, 0, Math.min(block.length, to - at), at);
    if (bytesRead === 0) throw new Error('A staged file is shorter than it was');
    await write(block.subarray(0, bytesRead));
    at += bytesRead;
  }
}
