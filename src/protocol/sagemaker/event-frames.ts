/**
 * Frames of `application/vnd.amazon.eventstream`, the form of an answer that comes in parts.
 *
 * Lengths of frame and headers and their checksum; headers; payload; a checksum over all of it. Big endian.
 */
import { crc32 } from 'node:zlib';

const PRELUDE_BYTES = 12;
const CHECKSUM_BYTES = 4;
const TEXT_TYPE = 7;

/** The client for Python refuses frames beyond 24 MiB, and all hold each as a whole. */
const LARGEST_PART_BYTES = 1024 * 1024;

const PART_HEADERS = [
  [':message-type', 'event'],
  [':event-type', 'PayloadPart'],
  [':content-type', 'application/octet-stream'],
] as const;

/** A piece of an answer, in as many parts as it takes. */
export function payloadParts(payload: Uint8Array): Uint8Array {
  if (payload.length <= LARGEST_PART_BYTES) return encodeFrame(PART_HEADERS, payload);
  const frames: Uint8Array[] = [];
  for (let from = 0; from < payload.length; from += LARGEST_PART_BYTES) {
    frames.push(encodeFrame(PART_HEADERS, payload.subarray(from, from + LARGEST_PART_BYTES)));
  }
  return Buffer.concat(frames);
}

/**
 * An answer that has failed after it had begun: the model's own failure, or one of the server.
 *
 * @param failure as it would be answered to an invocation (see `failure.ts`)
 */
export function streamFailure(failure: string): Uint8Array {
  const { Message, OriginalStatusCode: status } = JSON.parse(failure) as Said;
  const isOfModel = status !== undefined;
  const ErrorCode = status === 504 ? 'ModelInvocationTimeExceeded' : 'StreamBroken';
  return encodeFrame(
    [
      [':message-type', 'exception'],
      [':exception-type', isOfModel ? 'ModelStreamError' : 'InternalStreamFailure'],
      [':content-type', 'application/json'],
    ],
    Buffer.from(JSON.stringify(isOfModel ? { Message, ErrorCode } : { Message })),
  );
}

interface Said {
  readonly Message: string;
  readonly OriginalStatusCode?: number;
}

function encodeFrame(headers: readonly (readonly [string, string])[], payload: Uint8Array): Uint8Array {
  const head = Buffer.concat(headers.map(encodeHeader));
  const frame = Buffer.alloc(PRELUDE_BYTES + head.length + payload.length + CHECKSUM_BYTES);
  frame.writeUInt32BE(frame.length, 0);
  frame.writeUInt32BE(head.length, 4);
  frame.writeUInt32BE(crc32(frame.subarray(0, 8)), 8);
  frame.set(head, PRELUDE_BYTES);
  frame.set(payload, PRELUDE_BYTES + head.length);
  frame.writeUInt32BE(crc32(frame.subarray(0, frame.length - CHECKSUM_BYTES)), frame.length - CHECKSUM_BYTES);
  return frame;
}

function encodeHeader([name, value]: readonly [string, string]): Buffer {
  const header = Buffer.alloc(1 + name.length + 1 + 2 + value.length);
  header.writeUInt8(name.length, 0);
  header.write(name, 1, 'latin1');
  header.writeUInt8(TEXT_TYPE, 1 + name.length);
  header.writeUInt16BE(value.length, 2 + name.length);
  header.write(value, 4 + name.length, 'latin1');
  return header;
}
