/**
 * Protobuf's wire format, as far as a prediction needs it.
 *
 * Predictions are decoded and encoded by hand on these few functions: through `@bufbuild/protobuf` the
 * same message costs several times as much (bench/micro/grpc.bench.ts), which is most of what a small
 * model costs. Every other message goes through the generated code.
 */
import { ServeryError } from '../../core/errors.ts';

export const VARINT = 0;
export const FIXED64 = 1;
export const LENGTH = 2;
const START_GROUP = 3;
const END_GROUP = 4;
export const FIXED32 = 5;

/** Groups are long deprecated; nested ones are skipped to this depth, so that a message cannot exhaust the stack. */
const MAX_GROUP_DEPTH = 16;

export function malformed(problem: string): ServeryError {
  return new ServeryError('INVALID_REQUEST', `Cannot read the message as protobuf: ${problem}`, {
    hint: 'Compare the client’s .proto file with the one that server reflection shows.',
  });
}

/** Reads `bytes` from `pos` to `end`. Whoever reads a nested message makes a reader of its own with `nested`. */
export class WireReader {
  readonly bytes: Buffer;
  pos: number;
  readonly end: number;

  constructor(bytes: Buffer, pos = 0, end = bytes.length) {
    this.bytes = bytes;
    this.pos = pos;
    this.end = end;
  }

  /** The next field as `number << 3 | wire type`, or 0 at the end. */
  tag(): number {
    if (this.pos === this.end) return 0;
    const tag = this.uint32();
    if (tag >>> 3 === 0) throw malformed('a field has the number 0');
    return tag;
  }

  /** A varint's low 32 bits. */
  uint32(): number {
    const { bytes, end } = this;
    let { pos } = this;
    let byte = pos < end ? bytes[pos++]! : this.#truncated();
    let value = byte & 0x7f;
    for (let shift = 7; byte > 0x7f; shift += 7) {
      if (shift > 63) throw malformed('a varint is longer than 10 bytes');
      byte = pos < end ? bytes[pos++]! : this.#truncated();
      if (shift < 32) value |= (byte & 0x7f) << shift;
    }
    this.pos = pos;
    return value >>> 0;
  }

  /** A varint's low 64 bits: halves as `this.low` and `this.high`, unsigned. */
  uint64(): void {
    const { bytes, end } = this;
    let { pos } = this;
    let low = 0;
    let high = 0;
    for (let shift = 0; ; shift += 7) {
      if (shift > 63) throw malformed('a varint is longer than 10 bytes');
      const byte = pos < end ? bytes[pos++]! : this.#truncated();
      const bits = byte & 0x7f;
      if (shift < 32) low |= bits << shift;
      if (shift === 28) high = bits >>> 4;
      else if (shift > 31) high |= bits << (shift - 32);
      if (byte <= 0x7f) break;
    }
    this.pos = pos;
    this.low = low >>> 0;
    this.high = high >>> 0;
  }
  low = 0;
  high = 0;

  /** An int64: a number where that is exact, else a bigint. */
  int64(): number | bigint {
    if (this.pos < this.end && this.bytes[this.pos]! <= 0x7f) return this.bytes[this.pos++]!;
    this.uint64();
    const value = (this.high | 0) * 0x1_0000_0000 + this.low;
    return Number.isSafeInteger(value) ? value : (BigInt(this.high | 0) << 32n) | BigInt(this.low);
  }

  double(): number {
    return this.bytes.readDoubleLE(this.#take(8));
  }

  /** The position after a length-delimited field, whose bytes begin at `pos`. */
  length(): number {
    const length = this.uint32();
    if (length > this.end - this.pos) throw malformed('a length goes beyond the end');
    return this.pos + length;
  }

  /** A view, no copy. */
  view(): Buffer {
    const end = this.length();
    const view = this.bytes.subarray(this.pos, end);
    this.pos = end;
    return view;
  }

  string(): string {
    const end = this.length();
    const start = this.pos;
    this.pos = end;
    return decodeString(this.bytes, start, end);
  }

  nested(): WireReader {
    const end = this.length();
    const reader = new WireReader(this.bytes, this.pos, end);
    this.pos = end;
    return reader;
  }

  /** Passes over a field that is not known. */
  skip(tag: number, depth = 0): void {
    switch (tag & 7) {
      case VARINT:
        this.uint32();
        return;
      case FIXED64:
        this.#take(8);
        return;
      case LENGTH:
        this.pos = this.length();
        return;
      case FIXED32:
        this.#take(4);
        return;
      case START_GROUP:
        this.#skipGroup(tag >>> 3, depth + 1);
        return;
      case END_GROUP:
        throw malformed('a group ends that has not begun');
      default:
        throw malformed('a wire type is unknown');
    }
  }

  #skipGroup(field: number, depth: number): void {
    if (depth > MAX_GROUP_DEPTH) throw malformed('its groups are nested too deeply');
    for (;;) {
      const tag = this.tag();
      if (tag === 0) throw malformed('a group does not end');
      if ((tag & 7) !== END_GROUP) this.skip(tag, depth);
      else if (tag >>> 3 === field) return;
      else throw malformed('a group ends that has not begun');
    }
  }

  #take(count: number): number {
    const start = this.pos;
    if (count > this.end - start) this.#truncated();
    this.pos = start + count;
    return start;
  }

  #truncated(): never {
    throw malformed('it ends in the middle of a field');
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

// Names and datatypes are a few ASCII characters, for which a loop beats any decoder.
function decodeString(bytes: Buffer, start: number, end: number): string {
  if (end - start > 40) return decodeUtf8(bytes.subarray(start, end));
  let text = '';
  for (let i = start; i < end; i += 1) {
    const byte = bytes[i]!;
    if (byte > 0x7f) return decodeUtf8(bytes.subarray(start, end));
    text += String.fromCharCode(byte);
  }
  return text;
}

function decodeUtf8(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw malformed('a string is not UTF-8');
  }
}

export function varintSize(value: number): number {
  let size = 1;
  for (let rest = value; rest > 0x7f; rest = Math.floor(rest / 128)) size += 1;
  return size;
}

/** Writes a safe integer that is not negative; returns the position after it. */
export function writeVarint(bytes: Buffer, at: number, value: number): number {
  let pos = at;
  let rest = value;
  while (rest > 0x7f) {
    bytes[pos++] = (rest % 128) | 0x80;
    rest = Math.floor(rest / 128);
  }
  bytes[pos++] = rest;
  return pos;
}
