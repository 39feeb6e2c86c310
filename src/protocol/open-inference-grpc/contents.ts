/**
 * The typed contents (InferTensorContents) of one tensor in a request.
 *
 * There is one list for several datatypes: 8- and 16-bit integers travel as 32-bit ones and are checked on
 * the way in. FP16 exists raw only. 64-bit integers never become numbers, so they stay exact.
 */
import { ServeryError, invalidInput, quote } from '../../core/errors.ts';
import {
  allocate,
  bytesPerElement,
  type Datatype,
  type NumericData,
  type NumericDatatype,
  type TensorData,
} from '../../core/tensor.ts';
import { CONTENTS_FIELD, FIELD_NAME, INTEGER_RANGE } from './contents-fields.ts';
import { FIXED32, FIXED64, LENGTH, VARINT, WireReader } from './wire.ts';

/** @param contents undefined when the input has none, which is right for a shape without elements */
export function decodeContents(
  name: string,
  datatype: Datatype,
  count: number,
  contents: Buffer | undefined,
): TensorData {
  const field = CONTENTS_FIELD[datatype];
  if (field === undefined) {
    throw new ServeryError('INVALID_INPUT', `Cannot use input ${quote(name)}: ${datatype} has no typed contents`, {
      hint: 'Send it in raw_input_contents.',
    });
  }
  // Before anything is allocated: an element takes at least a byte, so a small message stays small.
  if (count > (contents?.length ?? 0)) throw wrongCount(name, count);
  const reader = new WireReader(contents ?? Buffer.alloc(0));
  if (datatype === 'BYTES') return readBytes(name, count, reader);
  const data = allocate(datatype as NumericDatatype, count);
  const filled = readNumbers(name, datatype as NumericDatatype, field, data, reader);
  if (filled !== count) throw wrongCount(name, count);
  return data;
}

function readNumbers(
  name: string,
  datatype: NumericDatatype,
  field: number,
  data: NumericData,
  reader: WireReader,
): number {
  const wireType = datatype === 'FP32' ? FIXED32 : datatype === 'FP64' ? FIXED64 : VARINT;
  let filled = 0;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    const isPacked = tag === ((field << 3) | LENGTH);
    if (!isPacked && tag !== ((field << 3) | wireType)) {
      refuseOtherField(name, datatype, tag);
      reader.skip(tag);
      continue;
    }
    const end = isPacked ? reader.length() : reader.end;
    if (wireType === VARINT) filled = readVarints(name, datatype, data, filled, reader, isPacked ? end : -1);
    else {
      const size = bytesPerElement(datatype);
      const stop = isPacked ? end : Math.min(end, reader.pos + size);
      const target = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
      const bytes = reader.bytes.subarray(reader.pos, stop);
      if (bytes.length % size !== 0) throw invalidInput(name, `its ${FIELD_NAME[field]} end within a value`);
      if (filled * size + bytes.length > target.length) throw wrongCount(name, data.length);
      target.set(bytes, filled * size);
      filled += bytes.length / size;
      reader.pos = stop;
    }
  }
  return filled;
}

/** @param end where a packed run ends, or -1 to read a single value */
function readVarints(
  name: string,
  datatype: NumericDatatype,
  data: NumericData,
  from: number,
  reader: WireReader,
  end: number,
): number {
  let at = from;
  const run = end === -1 ? reader : new WireReader(reader.bytes, reader.pos, end);
  const range = INTEGER_RANGE[datatype];
  const is64 = datatype === 'INT64' || datatype === 'UINT64';
  // As halves, which costs no bigint for each value; the platforms of Node.js are little-endian.
  const halves = is64 ? new Uint32Array(data.buffer, data.byteOffset, data.length * 2) : undefined;
  do {
    if (run.pos === run.end && end !== -1) break;
    if (at === data.length) throw wrongCount(name, data.length);
    if (halves !== undefined) {
      run.uint64();
      halves[at * 2] = run.low;
      halves[at * 2 + 1] = run.high;
    } else if (datatype === 'BOOL') {
      run.uint64();
      data[at] = run.low === 0 && run.high === 0 ? 0 : 1;
    } else {
      const bits = run.uint32();
      const value = range?.isSigned === true ? bits | 0 : bits;
      if (range !== undefined && (value < range.min || value > range.max)) {
        throw invalidInput(name, `element ${at} is out of range for ${datatype}`);
      }
      data[at] = value;
    }
    at += 1;
  } while (end !== -1);
  reader.pos = run.pos;
  return at;
}

function readBytes(name: string, count: number, reader: WireReader): readonly Uint8Array[] {
  const elements: Uint8Array[] = [];
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === ((CONTENTS_FIELD.BYTES! << 3) | LENGTH)) {
      if (elements.length === count) throw wrongCount(name, count);
      elements.push(reader.view());
    } else {
      refuseOtherField(name, 'BYTES', tag);
      reader.skip(tag);
    }
  }
  if (elements.length !== count) throw wrongCount(name, count);
  return elements;
}

function refuseOtherField(name: string, datatype: Datatype, tag: number): void {
  const other = FIELD_NAME[tag >>> 3];
  if (other === undefined) return;
  throw invalidInput(name, `it has ${other}, and ${datatype} belongs in ${FIELD_NAME[CONTENTS_FIELD[datatype]!]}`);
}

function wrongCount(name: string, expected: number): ServeryError {
  return invalidInput(name, `its contents do not hold exactly the ${expected} elements of its shape`);
}
