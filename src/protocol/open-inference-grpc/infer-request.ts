/**
 * Decodes ModelInferRequest by hand, to what a request of the Open Inference Protocol says in any encoding.
 *
 * One pass over the fields, then one over the inputs, as their contents may come after them
 * (`raw_input_contents` is the last field). Tensors are views of the message where alignment allows it.
 */
import { ServeryError, invalidInput, quote } from '../../core/errors.ts';
import { bytesPerElement, elementCount, isDatatype, type Datatype, type NamedTensor } from '../../core/tensor.ts';
import { DEFAULT_DECODE_LIMITS } from '../json.ts';
import { readBinaryTensor } from '../open-inference/binary-tensors.ts';
import type { InferRequest, ParameterValue, RequestedOutput } from '../open-inference/infer-types.ts';
import { NO_PARAMETERS, refuseSharedMemory, sortRequestParameters, wholeNumber } from '../open-inference/parameters.ts';
import { decodeContents } from './contents.ts';
import { FIXED64, LENGTH, VARINT, WireReader, malformed } from './wire.ts';

export interface ModelInferRequest {
  readonly modelName: string;
  /** Empty when the request names none. */
  readonly modelVersion: string;
  readonly request: InferRequest;
}

/** Axes of one tensor. More mean nothing to any model, and errors print shapes. */
const MAX_AXES = 32;

/** Inputs, outputs, or parameters of one message. An empty one takes 2 bytes and becomes a hundred in memory. */
const MAX_ENTRIES = 1024;

/** BYTES elements of one message, for the same reason. */
const MAX_BYTES_ELEMENTS = 2 ** 20;

interface InputFields {
  name: string;
  datatype: string;
  shape: (number | bigint)[];
  /** A message that comes in pieces is these, merged, which is what their bytes in a row mean. */
  contents: Buffer[];
}

type ParameterMap = Record<string, ParameterValue>;

/** @throws {ServeryError} `INVALID_REQUEST`, `INVALID_INPUT`, `UNSUPPORTED` */
export function decodeModelInferRequest(message: Buffer): ModelInferRequest {
  const reader = new WireReader(message);
  let modelName = '';
  let modelVersion = '';
  let id = '';
  let parameters: ParameterMap | undefined;
  let parameterCount = 0;
  const inputs: InputFields[] = [];
  const outputs: RequestedOutput[] = [];
  const raw: Buffer[] = [];
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case (1 << 3) | LENGTH:
        modelName = reader.string();
        break;
      case (2 << 3) | LENGTH:
        modelVersion = reader.string();
        break;
      case (3 << 3) | LENGTH:
        id = reader.string();
        break;
      case (4 << 3) | LENGTH:
        if (++parameterCount > MAX_ENTRIES) throw tooMany('parameters');
        parameters = readParameter(reader.nested(), parameters);
        break;
      case (5 << 3) | LENGTH:
        if (inputs.length === MAX_ENTRIES) throw tooMany('inputs');
        inputs.push(readInput(reader.nested()));
        break;
      case (6 << 3) | LENGTH:
        if (outputs.length === MAX_ENTRIES) throw tooMany('outputs');
        addOutput(outputs, readOutput(reader.nested()));
        break;
      case (7 << 3) | LENGTH:
        if (raw.length === MAX_ENTRIES) throw tooMany('raw_input_contents');
        raw.push(reader.view());
        break;
      default:
        reader.skip(tag);
    }
  }
  const own = parameters === undefined ? undefined : sortRequestParameters(parameters);
  return {
    modelName,
    modelVersion,
    request: {
      id: id === '' ? undefined : id,
      parameters: own?.parameters ?? NO_PARAMETERS,
      timeoutUs: own?.timeoutUs,
      inputs: readTensors(inputs, raw),
      outputs: outputs.length === 0 ? undefined : outputs,
      // An answer comes in the form of its question; without inputs there is no question, and raw is what most expect.
      binaryDefault: raw.length > 0 || inputs.length === 0,
    },
  };
}

function tooMany(what: string): ServeryError {
  return new ServeryError('INVALID_REQUEST', `Cannot read the message: it has more than ${MAX_ENTRIES} ${what}`);
}

function readTensors(inputs: readonly InputFields[], raw: readonly Buffer[]): readonly NamedTensor[] {
  if (raw.length > 0) refuseOtherThanRaw(inputs, raw);
  const tensors = new Array<NamedTensor>(inputs.length);
  let bytesElements = 0;
  for (let i = 0; i < inputs.length; i += 1) {
    const input = inputs[i]!;
    const { name, contents } = input;
    const datatype = knownDatatype(name, input.datatype);
    const shape = readShape(name, input.shape);
    const count = elementCount(shape);
    if (datatype === 'BYTES') bytesElements += count;
    if (bytesElements > MAX_BYTES_ELEMENTS) {
      throw invalidInput(name, `a message may have ${MAX_BYTES_ELEMENTS} BYTES elements at most`);
    }
    const bytes = raw[i];
    const data =
      bytes === undefined
        ? decodeContents(name, datatype, count, merged(contents))
        : readBinaryTensor(name, datatype, shape, count, align(bytes, bytesPerElement(datatype)));
    tensors[i] = { name, datatype, shape, data };
  }
  return tensors;
}

function merged(pieces: readonly Buffer[]): Buffer | undefined {
  return pieces.length > 1 ? Buffer.concat(pieces) : pieces[0];
}

/** Small tensors share memory of Node's pool: an ArrayBuffer for each would cost more than the rest of the decoding. */
function align(bytes: Buffer, elementBytes: number): Buffer {
  if (bytes.length > MAX_POOLED_BYTES || elementBytes === 0 || bytes.byteOffset % elementBytes === 0) return bytes;
  const copy = Buffer.allocUnsafe(bytes.length);
  copy.set(bytes);
  return copy;
}

/** Beyond this `allocUnsafe` does not use the pool. */
const MAX_POOLED_BYTES = 2048;

function refuseOtherThanRaw(inputs: readonly InputFields[], raw: readonly Buffer[]): void {
  if (raw.length !== inputs.length) {
    const problem = `it has ${inputs.length} inputs and ${raw.length} entries of raw_input_contents`;
    throw new ServeryError('INVALID_REQUEST', `Cannot read the message: ${problem}`);
  }
  for (const { name, contents } of inputs) {
    if (contents.every((piece) => piece.length === 0)) continue;
    const problem = `input ${quote(name)} has contents, and the message has raw_input_contents`;
    throw new ServeryError('INVALID_REQUEST', `Cannot read the message: ${problem}`, {
      hint: 'Use one of the two for all inputs of a request.',
    });
  }
}

function readShape(name: string, sizes: readonly (number | bigint)[]): readonly number[] {
  let countWithoutZeros = 1; // so that [0, 2^60] is refused as well
  for (const size of sizes) {
    if (size < 0) throw invalidInput(name, 'its shape has a negative size');
    countWithoutZeros *= Number(size) || 1;
    if (countWithoutZeros > DEFAULT_DECODE_LIMITS.maxElements) {
      const problem = `total element count to exceed maximum size of ${DEFAULT_DECODE_LIMITS.maxElements}`;
      throw invalidInput(name, `byte size overflow for input: its shape causes ${problem}`);
    }
  }
  return sizes as readonly number[];
}

function knownDatatype(name: string, datatype: string): Datatype {
  if (isDatatype(datatype)) return datatype;
  if (datatype === 'BF16') {
    throw new ServeryError('UNSUPPORTED', `Cannot use input ${quote(name)}: BF16 is not supported`, {
      hint: 'Send it as FP32.',
    });
  }
  throw invalidInput(name, 'its datatype is missing, or none of the protocol');
}

function readInput(reader: WireReader): InputFields {
  const input: InputFields = { name: '', datatype: '', shape: [], contents: [] };
  let parameterCount = 0;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case (1 << 3) | LENGTH:
        input.name = reader.string();
        break;
      case (2 << 3) | LENGTH:
        input.datatype = reader.string();
        break;
      case (3 << 3) | LENGTH: {
        const axes = reader.nested();
        while (axes.pos < axes.end) addAxis(input, axes.int64());
        break;
      }
      case (3 << 3) | VARINT:
        addAxis(input, reader.int64());
        break;
      case (4 << 3) | LENGTH: {
        if (++parameterCount > MAX_ENTRIES) throw tooMany('parameters of an input');
        refuseSharedMemory(readParameter(reader.nested(), undefined));
        break;
      }
      case (5 << 3) | LENGTH: {
        if (input.contents.length === MAX_ENTRIES) throw tooMany('pieces of contents');
        input.contents.push(reader.view());
        break;
      }
      default:
        reader.skip(tag);
    }
  }
  return input;
}

function addAxis({ name, shape }: InputFields, size: number | bigint): void {
  if (shape.length === MAX_AXES) throw invalidInput(name, `its shape has more than ${MAX_AXES} axes`);
  shape.push(size);
}

function readOutput(reader: WireReader): RequestedOutput {
  let name = '';
  let parameters: ParameterMap | undefined;
  let parameterCount = 0;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === ((1 << 3) | LENGTH)) name = reader.string();
    else if (tag === ((2 << 3) | LENGTH)) {
      if (++parameterCount > MAX_ENTRIES) throw tooMany('parameters of an output');
      parameters = readParameter(reader.nested(), parameters);
    } else reader.skip(tag);
  }
  if (parameters !== undefined) refuseSharedMemory(parameters);
  const classification = parameters?.['classification'];
  // `binary_data` belongs to HTTP: here the whole answer is raw or none of it.
  return {
    name,
    binary: undefined,
    classification: classification === undefined ? undefined : classCount(classification),
  };
}

function addOutput(outputs: RequestedOutput[], output: RequestedOutput): void {
  if (outputs.some(({ name }) => name === output.name)) {
    const problem = 'it already exists in request';
    throw new ServeryError('INVALID_REQUEST', `Cannot ask for output ${quote(output.name)}: ${problem}`);
  }
  outputs.push(output);
}

function classCount(value: ParameterValue): number {
  const count = wholeNumber('classification', value);
  if (count > 0) return count;
  throw new ServeryError(
    'INVALID_REQUEST',
    'Cannot use parameter "classification": expected a number of classes from 1 on',
  );
}

/** One entry of `map<string, InferParameter>`. */
function readParameter(entry: WireReader, into: ParameterMap | undefined): ParameterMap {
  let key = '';
  let value: ParameterValue | undefined;
  for (let tag = entry.tag(); tag !== 0; tag = entry.tag()) {
    if (tag === ((1 << 3) | LENGTH)) key = entry.string();
    else if (tag === ((2 << 3) | LENGTH)) value = readParameterValue(entry.nested()) ?? value;
    else entry.skip(tag);
  }
  if (value === undefined) throw malformed('a parameter has no value');
  // Without a prototype: clients choose the keys.
  const parameters = into ?? (Object.create(null) as ParameterMap);
  parameters[key] = value;
  return parameters;
}

function readParameterValue(reader: WireReader): ParameterValue | undefined {
  let value: ParameterValue | undefined;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case (1 << 3) | VARINT:
        value = reader.int64() !== 0;
        break;
      case (2 << 3) | VARINT:
        value = reader.int64();
        break;
      case (3 << 3) | LENGTH:
        value = reader.string();
        break;
      case (4 << 3) | FIXED64:
        value = reader.double();
        break;
      case (5 << 3) | VARINT: {
        const signed = reader.int64();
        value = signed < 0 ? BigInt.asUintN(64, BigInt(signed)) : signed;
        break;
      }
      default:
        reader.skip(tag);
    }
  }
  return value;
}
