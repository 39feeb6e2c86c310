/**
 * Reads zip archives, as far as those of models need it: stored and deflated entries, and nothing beyond.
 *
 * An archive is somebody else's. Names that lead out of the folder, entries that are more than they declare, and
 * whatever two readers could understand differently are refused; sizes and counts are bounded before anything is
 * unpacked.
 */
import { createWriteStream } from 'node:fs';
import { mkdir, open, type FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createInflateRaw, crc32 } from 'node:zlib';
import { ServeryError, quote } from '../core/errors.ts';

const MAX_ENTRIES = 1000;
const MAX_DIRECTORY_BYTES = 2 ** 20;
const MAX_UNPACKED_BYTES = 8 * 2 ** 30;

const END_SIGNATURE = 0x0605_4b50;
const ENTRY_SIGNATURE = 0x0201_4b50;
const LOCAL_SIGNATURE = 0x0403_4b50;
const END_BYTES = 22;
const MAX_COMMENT_BYTES = 0xffff;
const ENTRY_BYTES = 46;
const LOCAL_BYTES = 30;
const ENCRYPTED = 1;
const STORED = 0;
const DEFLATED = 8;
/** Marks a field whose value is in a record of zip64. */
const BEYOND = 0xffff_ffff;

export interface ZipEntry {
  /** Relative, with `/`; never leads out of the folder. */
  readonly name: string;
  readonly packedBytes: number;
  readonly bytes: number;
  readonly crc: number;
  readonly isDeflated: boolean;
  readonly offset: number;
}

export class ZipFile implements AsyncDisposable {
  readonly #file: FileHandle;
  /** Files in the order of the archive; folders are made of their names. */
  readonly entries: ReadonlyMap<string, ZipEntry>;

  private constructor(file: FileHandle, entries: ReadonlyMap<string, ZipEntry>) {
    this.#file = file;
    this.entries = entries;
  }

  /** @throws {ServeryError} `MODEL_INVALID` when it is no archive, or not a complete one */
  static async open(path: string): Promise<ZipFile> {
    const file = await open(path, 'r');
    try {
      const { size } = await file.stat();
      return new ZipFile(file, readDirectory(await readEnd(file, size), size));
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** @throws {ServeryError} `MODEL_INVALID` when it is larger than `maxBytes` or damaged */
  async read({ name, bytes }: ZipEntry, maxBytes: number): Promise<Buffer> {
    const entry = this.entries.get(name)!;
    if (bytes > maxBytes) throw damaged(`${quote(name)} has more than ${maxBytes} bytes`);
    const chunks: Buffer[] = [];
    const collect = new Transform({
      transform(chunk: Buffer, _encoding, done) {
        chunks.push(chunk);
        done();
      },
    });
    await this.#unpack(entry, collect.resume());
    return Buffer.concat(chunks);
  }

  /** Writes all files below `folder`, which is made. @throws {ServeryError} `MODEL_INVALID` */
  async unpackTo(folder: string): Promise<void> {
    await mkdir(folder, { recursive: true });
    for (const entry of this.entries.values()) {
      const target = join(folder, entry.name);
      await mkdir(dirname(target), { recursive: true });
      await this.#unpack(entry, createWriteStream(target, { flags: 'wx' }));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close();
  }

  async #unpack(entry: ZipEntry, target: NodeJS.WritableStream): Promise<void> {
    const start = await this.#startOf(entry);
    const check = checked(entry);
    if (entry.packedBytes === 0) {
      if (entry.bytes !== 0) throw damaged(`${quote(entry.name)} is shorter than it says`);
      await pipeline([Buffer.alloc(0)], check, target);
      return;
    }
    const source = this.#file.createReadStream({ start, end: start + entry.packedBytes - 1, autoClose: false });
    try {
      if (entry.isDeflated) await pipeline(source, createInflateRaw(), check, target);
      else await pipeline(source, check, target);
    } catch (error) {
      if (error instanceof ServeryError) throw error;
      if (!String((error as NodeJS.ErrnoException).code).startsWith('Z_')) throw error;
      throw damaged(`${quote(entry.name)} cannot be inflated`);
    }
  }

  /** The header before the data repeats the name; two that differ are two archives in one. */
  async #startOf({ name, offset }: ZipEntry): Promise<number> {
    const header = await readAt(this.#file, offset, LOCAL_BYTES);
    if (header.length < LOCAL_BYTES || header.readUInt32LE(0) !== LOCAL_SIGNATURE) {
      throw damaged(`${quote(name)} is not where it should be`);
    }
    const nameBytes = header.readUInt16LE(26);
    const local = await readAt(this.#file, offset + LOCAL_BYTES, nameBytes);
    if (!local.equals(Buffer.from(name))) throw damaged(`${quote(name)} has another name at its data`);
    return offset + LOCAL_BYTES + nameBytes + header.readUInt16LE(28);
  }
}

/** Passes on what fits the declared size and checksum, and fails at the first byte beyond. */
function checked({ name, bytes, crc }: ZipEntry): Transform {
  let seen = 0;
  let sum = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      seen += chunk.length;
      sum = crc32(chunk, sum);
      if (seen > bytes) done(damaged(`${quote(name)} is longer than it says`));
      else done(null, chunk);
    },
    flush(done) {
      if (seen !== bytes) done(damaged(`${quote(name)} is shorter than it says`));
      else done(sum === crc ? null : damaged(`${quote(name)} has another checksum`));
    },
  });
}

interface Directory {
  readonly bytes: Buffer;
  readonly count: number;
  readonly offset: number;
}

async function readEnd(file: FileHandle, size: number): Promise<Directory> {
  const tailStart = Math.max(0, size - END_BYTES - MAX_COMMENT_BYTES);
  const tail = await readAt(file, tailStart, size - tailStart);
  for (let at = tail.length - END_BYTES; at >= 0; at -= 1) {
    // A comment may hold the signature; it ends where the file ends.
    if (tail.readUInt32LE(at) !== END_SIGNATURE || at + END_BYTES + tail.readUInt16LE(at + 20) !== tail.length) {
      continue;
    }
    const count = tail.readUInt16LE(at + 10);
    const bytes = tail.readUInt32LE(at + 12);
    const offset = tail.readUInt32LE(at + 16);
    if (tail.readUInt32LE(at + 4) !== 0 || tail.readUInt16LE(at + 8) !== count) throw damaged('it has several parts');
    if (offset === BEYOND || count === 0xffff) throw damaged('it is larger than 4 GiB, or has too many files');
    if (count > MAX_ENTRIES) throw damaged(`it holds more than ${MAX_ENTRIES} files`);
    if (bytes > MAX_DIRECTORY_BYTES || offset + bytes !== tailStart + at) throw damaged('its directory is damaged');
    return { bytes: await readAt(file, offset, bytes), count, offset };
  }
  throw damaged('it is no zip archive, or its end is missing');
}

function readDirectory({ bytes, count, offset: end }: Directory, size: number): ReadonlyMap<string, ZipEntry> {
  const entries = new Map<string, ZipEntry>();
  const seen = new Set<string>();
  let total = 0;
  let at = 0;
  for (let i = 0; i < count; i += 1) {
    if (at + ENTRY_BYTES > bytes.length || bytes.readUInt32LE(at) !== ENTRY_SIGNATURE) {
      throw damaged('its directory is damaged');
    }
    const nameEnd = at + ENTRY_BYTES + bytes.readUInt16LE(at + 28);
    const name = decodeName(bytes.subarray(at + ENTRY_BYTES, nameEnd));
    const entry: ZipEntry = {
      name,
      crc: bytes.readUInt32LE(at + 16),
      packedBytes: bytes.readUInt32LE(at + 20),
      bytes: bytes.readUInt32LE(at + 24),
      isDeflated: bytes.readUInt16LE(at + 10) === DEFLATED,
      offset: bytes.readUInt32LE(at + 42),
    };
    refuseOdd(entry, bytes.readUInt16LE(at + 8), bytes.readUInt16LE(at + 10));
    if (entry.offset + LOCAL_BYTES + entry.packedBytes > Math.min(end, size)) {
      throw damaged(`${quote(name)} is cut off`);
    }
    // Also what one system in use takes for the same name.
    const key = name.toLowerCase().replace(/\/$/, '');
    if (seen.has(key)) throw damaged(`${quote(name)} is in it twice`);
    seen.add(key);
    total += entry.bytes;
    if (total > MAX_UNPACKED_BYTES) throw damaged('unpacked it has more than 8 GiB');
    if (!name.endsWith('/')) entries.set(name, entry);
    at = nameEnd + bytes.readUInt16LE(at + 30) + bytes.readUInt16LE(at + 32);
  }
  if (at !== bytes.length) throw damaged('its directory is damaged');
  const files = new Set(Array.from(entries.keys(), (name) => name.toLowerCase()));
  for (const name of entries.keys()) {
    const parent = name.split('/').slice(0, -1);
    for (let depth = parent.length; depth > 0; depth -= 1) {
      const folder = parent.slice(0, depth).join('/');
      if (files.has(folder.toLowerCase())) throw damaged(`${quote(folder)} is a file and a folder`);
    }
  }
  return entries;
}

function refuseOdd({ name, packedBytes, bytes }: ZipEntry, flags: number, method: number): void {
  if ((flags & ENCRYPTED) !== 0) throw damaged(`${quote(name)} is encrypted`);
  if (method !== STORED && method !== DEFLATED) throw damaged(`${quote(name)} is packed by an unknown method`);
  if (packedBytes === BEYOND || bytes === BEYOND) throw damaged(`${quote(name)} is larger than 4 GiB`);
  if (method === STORED && packedBytes !== bytes) throw damaged(`${quote(name)} has two sizes`);
}

function decodeName(bytes: Buffer): string {
  const name = bytes.toString('utf8');
  const segments = name.replace(/\/$/, '').split('/');
  const isBad = segments.some((one) => one === '' || one === '.' || one === '..' || Buffer.byteLength(one) > 255);
  // eslint-disable-next-line no-control-regex -- that is what is looked for
  if (isBad || /[\\:\u0000-\u001f\ufffd]/.test(name)) {
    throw damaged(`the name ${quote(name)} is not one of a file in it`);
  }
  return name;
}

async function readAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  const { bytesRead } = await file.read(buffer, 0, length, position);
  return buffer.subarray(0, bytesRead);
}

function damaged(problem: string): ServeryError {
  return new ServeryError('MODEL_INVALID', `Cannot read the archive: ${problem}`);
}
