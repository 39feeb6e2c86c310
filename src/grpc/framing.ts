/**
 * Messages in an HTTP/2 stream: a flag byte (1: compressed), a length in four bytes, big-endian, the bytes.
 *
 * A message is handed on without a copy when it came in one piece, which all small ones do.
 */
import { ServeryError } from '../core/errors.ts';

/** Bytes in front of every message. Encoders leave them free, so that a prefix costs no copy. */
export const PREFIX_BYTES = 5;

/** Fills in the prefix of a message that begins after `PREFIX_BYTES` free bytes. */
export function frame(message: Buffer, isCompressed = false): Buffer {
  message[0] = isCompressed ? 1 : 0;
  message.writeUInt32BE(message.length - PREFIX_BYTES, 1);
  return message;
}

/** A copy of a message, with room for its prefix. */
export function withHeadroom(message: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(PREFIX_BYTES + message.length);
  bytes.set(message, PREFIX_BYTES);
  return bytes;
}

/** A prefix and a copy of `message`. */
export function frameCopy(message: Uint8Array, isCompressed = false): Buffer {
  return frame(withHeadroom(message), isCompressed);
}

export interface IncomingMessage {
  readonly bytes: Buffer;
  readonly isCompressed: boolean;
}

export class MessageReader {
  readonly #maxMessageBytes: number;
  /** A message that has begun and is not whole, with its prefix. Grows with what has come, not with what was announced. */
  #pending = NOTHING;
  #filled = 0;
  /** Bytes until the message is whole; `PREFIX_BYTES` while its length is not known. */
  #wanted = PREFIX_BYTES;

  constructor(maxMessageBytes: number) {
    this.#maxMessageBytes = maxMessageBytes;
  }

  /** Bytes of a message that has begun and is not whole. */
  get pendingBytes(): number {
    return this.#filled;
  }

  /**
   * Takes the next bytes of the stream; gives the messages that are whole now.
   *
   * @throws {ServeryError} `INVALID_REQUEST`, `PAYLOAD_TOO_LARGE`
   */
  push(chunk: Buffer): IncomingMessage[] {
    const messages: IncomingMessage[] = [];
    let at = 0;
    while (at < chunk.length) {
      const left = chunk.length - at;
      if (this.#filled === 0 && left >= PREFIX_BYTES) {
        const end = at + PREFIX_BYTES + this.#readLength(chunk, at);
        if (end <= chunk.length) {
          messages.push(toMessage(chunk.subarray(at, end)));
          at = end;
          continue;
        }
        this.#wanted = end - at;
      }
      at += this.#keep(chunk, at, Math.min(left, this.#wanted - this.#filled));
      if (this.#filled === PREFIX_BYTES) this.#wanted = PREFIX_BYTES + this.#readLength(this.#pending, 0);
      if (this.#filled >= PREFIX_BYTES && this.#filled === this.#wanted) {
        messages.push(toMessage(this.#pending.subarray(0, this.#wanted)));
        this.#pending = NOTHING;
        this.#filled = 0;
        this.#wanted = PREFIX_BYTES;
      }
    }
    return messages;
  }

  #keep(chunk: Buffer, at: number, count: number): number {
    const filled = this.#filled + count;
    if (filled > this.#pending.length) {
      const capacity = Math.min(
        Math.max(filled, this.#pending.length * 2, MIN_PENDING_BYTES),
        Math.max(this.#wanted, filled),
      );
      const larger = Buffer.allocUnsafeSlow(capacity);
      this.#pending.copy(larger, 0, 0, this.#filled);
      this.#pending = larger;
    }
    chunk.copy(this.#pending, this.#filled, at, at + count);
    this.#filled = filled;
    return count;
  }

  #readLength(bytes: Buffer, at: number): number {
    if (bytes[at]! > 1) {
      throw new ServeryError('INVALID_REQUEST', 'Cannot read the message: its first byte is neither 0 nor 1');
    }
    const length = bytes.readUInt32BE(at + 1);
    if (length <= this.#maxMessageBytes) return length;
    const limit = `${this.#maxMessageBytes} (grpc.maxMessageBytes)`;
    throw new ServeryError('PAYLOAD_TOO_LARGE', `Cannot take a message of ${length} bytes: the limit is ${limit}`);
  }
}

const NOTHING = Buffer.alloc(0);
const MIN_PENDING_BYTES = 16_384;

function toMessage(framed: Buffer): IncomingMessage {
  return { bytes: framed.subarray(PREFIX_BYTES), isCompressed: framed[0] === 1 };
}
