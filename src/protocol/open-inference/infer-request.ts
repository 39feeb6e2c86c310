/**
 * Inference requests of the Open Inference Protocol over HTTP: JSON, or JSON and then binary tensors.
 *
 * The hot path of the online half. `JSON.parse` does the reading; what it gives is walked once, each level
 * by its known keys, and values go straight into the array that the model will run on.
 */
import { ServeryError, invalidInput, quote } from '../../core/errors.ts';
import { formatShape } from '../../core/signature.ts';
import type { Datatype, NamedTensor } from '../../core/tensor.ts';
import {
  DEFAULT_DECODE_LIMITS,
  InexactInteger,
  countAllKeys,
  countKeys,
  decodeText,
  isJsonObject,
  parseJson,
  parseJsonExactly,
  refuseDuplicateKeys,
  type DecodeLimits,
} from '../json.ts';
import { fillFrom } from '../nested-lists.ts';
import { allocateData, isList, problemOf } from '../values-in.ts';
import { readBinaryTensor } from './binary-tensors.ts';
import type { InferRequest, RequestedOutput } from './infer-types.ts';
import {
  NO_PARAMETERS,
  readFlag,
  readParameters,
  refuseSharedMemory,
  sortRequestParameters,
  wholeNumber,
} from './parameters.ts';
import { countElements, readDatatype } from './tensor-form.ts';

/**
 * @param body binary tensors may stay views of it, so it must not be used again
 * @param headerLength bytes of JSON at its beginning (`Inference-Header-Content-Length`); undefined when all is JSON
 * @throws {ServeryError} `INVALID_REQUEST`, `INVALID_INPUT`, `UNSUPPORTED`
 */
export function decodeInferRequest(
  body: Uint8Array,
  headerLength?: number,
  limits: DecodeLimits = DEFAULT_DECODE_LIMITS,
): InferRequest {
  const jsonLength = headerLength ?? body.length;
  if (jsonLength > body.length) {
    const problem = `Inference-Header-Content-Length is ${jsonLength}, and the body has ${body.length} bytes`;
    throw new ServeryError('INVALID_REQUEST', `Cannot read the body: ${problem}`);
  }
  const text = decodeText(jsonLength === body.length ? body : body.subarray(0, jsonLength));
  const document = parseJson(text);
  try {
    return new RequestReader(text, body, jsonLength, limits).read(document);
  } catch (error) {
    if (!(error instanceof InexactInteger)) throw error;
    return new RequestReader(text, body, jsonLength, limits).read(parseJsonExactly(text));
  }
}

/** Reads the header `Inference-Header-Content-Length`. */
export function parseHeaderLength(header: string | undefined): number | undefined {
  if (header === undefined) return undefined;
  // More digits than any body has bytes are not worth telling apart.
  if (/^[0-9]{1,15}$/.test(header)) return Number(header);
  throw new ServeryError(
    'INVALID_REQUEST',
    'Cannot use the header Inference-Header-Content-Length: expected bytes in digits',
  );
}

class RequestReader {
  readonly #text: string;
  readonly #body: Uint8Array;
  readonly #limits: DecodeLimits;
  /** Where the binary data of the next tensor begins. */
  #binaryAt: number;
  /** Keys of all objects that were read. */
  #keys = 0;

  constructor(text: string, body: Uint8Array, binaryAt: number, limits: DecodeLimits) {
    this.#text = text;
    this.#body = body;
    this.#binaryAt = binaryAt;
    this.#limits = limits;
  }

  read(document: unknown): InferRequest {
    if (!isJsonObject(document)) {
      throw new ServeryError('INVALID_REQUEST', 'Cannot read the body: expected a JSON object');
    }
    let id: string | undefined;
    let inputs: readonly NamedTensor[] | undefined;
    let outputs: readonly RequestedOutput[] | undefined;
    let own = NO_OWN_PARAMETERS;
    for (const key in document) {
      const value = document[key];
      this.#keys += 1;
      switch (key) {
        case 'id':
          if (typeof value !== 'string') {
            throw new ServeryError('INVALID_REQUEST', 'Cannot use "id": expected a string');
          }
          id = value;
          break;
        case 'inputs':
          inputs = this.#readInputs(value);
          break;
        case 'outputs':
          outputs = this.#readOutputs(value);
          break;
        case 'parameters':
          own = sortRequestParameters(this.#readParameters(value, 'the request'));
          break;
        default:
          this.#skip(value);
      }
    }
    if (inputs === undefined) throw new ServeryError('INVALID_REQUEST', 'Cannot read the body: "inputs" is missing');
    if (this.#binaryAt !== this.#body.length) {
      const surplus = this.#body.length - this.#binaryAt;
      throw new ServeryError(
        'INVALID_REQUEST',
        `Cannot read the body: ${surplus} bytes are left after the last tensor`,
      );
    }
    refuseDuplicateKeys(this.#text, this.#keys);
    return {
      id,
      parameters: own.parameters,
      timeoutUs: own.timeoutUs,
      inputs,
      outputs,
      binaryDefault: own.binaryDefault,
    };
  }

  #readInputs(list: unknown): NamedTensor[] {
    if (!Array.isArray(list)) throw new ServeryError('INVALID_REQUEST', 'Cannot use "inputs": expected a list');
    const tensors = new Array<NamedTensor>(list.length);
    for (let i = 0; i < list.length; i += 1) tensors[i] = this.#readInput(list[i], i);
    return tensors;
  }

  #readInput(input: unknown, i: number): NamedTensor {
    if (!isJsonObject(input)) throw new ServeryError('INVALID_REQUEST', `Cannot read inputs[${i}]: expected an object`);
    const { name } = input;
    if (typeof name !== 'string') {
      throw new ServeryError('INVALID_REQUEST', `Cannot read inputs[${i}]: "name" is missing, or no string`);
    }
    let binarySize: number | undefined;
    for (const key in input) {
      this.#keys += 1;
      switch (key) {
        case 'name':
        case 'shape':
        case 'datatype':
        case 'data':
          break;
        case 'parameters':
          binarySize = this.#readBinarySize(input[key]);
          break;
        default:
          this.#skip(input[key]);
      }
    }
    const datatype = readDatatype(name, input['datatype']);
    const { shape } = input;
    const count = countElements(name, shape, this.#limits);
    const form = { name, datatype, shape: shape as readonly number[] };
    const { data } = input;
    if (binarySize === undefined) return { ...form, data: this.#readData(form, count, data) };
    if (data !== undefined) throw invalidInput(name, 'it has both "data" and "binary_data_size"');
    const bytes = this.#takeBinary(name, binarySize);
    return { ...form, data: readBinaryTensor(name, datatype, form.shape, count, bytes) };
  }

  #readData(form: { name: string; datatype: Datatype; shape: readonly number[] }, count: number, list: unknown) {
    const { name, datatype, shape } = form;
    if (datatype === 'FP16') {
      throw new ServeryError('INVALID_INPUT', `Cannot use input ${quote(name)}: FP16 has no JSON form`, {
        hint: 'Send it as binary: "parameters": {"binary_data_size": BYTES}.',
      });
    }
    if (!isList(list)) throw invalidInput(name, list === undefined ? 'its "data" is missing' : 'its "data" is no list');
    // Each value takes a character at least: a shape alone must not make us allocate.
    if (count > this.#text.length) {
      throw invalidInput(name, `its data has fewer than the ${count} values that shape ${formatShape(shape)} takes`);
    }
    const data = allocateData(datatype, count);
    const misfit = fillFrom(list, shape, count, datatype, data, 0, this.#limits.maxNesting);
    if (misfit === undefined) return data;
    if ('problem' in misfit) throw invalidInput(name, misfit.problem);
    throw problemOf(datatype, misfit.value, `element ${misfit.element} of input ${quote(name)}`);
  }

  #readBinarySize(value: unknown): number | undefined {
    const parameters = this.#readParameters(value, 'an input');
    refuseSharedMemory(parameters);
    const size = Object.hasOwn(parameters, 'binary_data_size') ? parameters['binary_data_size'] : undefined;
    return size === undefined ? undefined : wholeNumber('binary_data_size', size);
  }

  #takeBinary(name: string, size: number): Uint8Array {
    const left = this.#body.length - this.#binaryAt;
    if (size > left) {
      throw invalidInput(name, `its binary_data_size is ${size}, and ${left} bytes are left in the body`);
    }
    const bytes = this.#body.subarray(this.#binaryAt, this.#binaryAt + size);
    this.#binaryAt += size;
    return bytes;
  }

  #readOutputs(list: unknown): RequestedOutput[] | undefined {
    if (!Array.isArray(list)) throw new ServeryError('INVALID_REQUEST', 'Cannot use "outputs": expected a list');
    if (list.length === 0) return undefined;
    const names = new Set<string>();
    return list.map((output: unknown, i): RequestedOutput => {
      const name = isJsonObject(output) ? output['name'] : undefined;
      if (!isJsonObject(output) || typeof name !== 'string') {
        throw new ServeryError('INVALID_REQUEST', `Cannot read outputs[${i}]: expected an object with a "name"`);
      }
      if (names.has(name)) {
        throw new ServeryError('INVALID_REQUEST', `Cannot ask for output ${quote(name)}: it already exists in request`);
      }
      names.add(name);
      for (const key in output) {
        this.#keys += 1;
        if (key !== 'name' && key !== 'parameters') this.#skip(output[key]);
      }
      return { name, ...this.#readOutputParameters(output['parameters']) };
    });
  }

  #readOutputParameters(value: unknown): Omit<RequestedOutput, 'name'> {
    if (value === undefined) return { binary: undefined, classification: undefined };
    const parameters = this.#readParameters(value, 'an output');
    refuseSharedMemory(parameters);
    const { binary_data: binary, classification } = parameters;
    return {
      binary: binary === undefined ? undefined : readFlag('binary_data', binary),
      classification: classification === undefined ? undefined : readClassCount(classification),
    };
  }

  #readParameters(value: unknown, of: string) {
    const parameters = readParameters(value, of);
    this.#keys += countKeys(parameters);
    return parameters;
  }

  /** A key that the protocol does not have: ignored, as later editions may bring more. */
  #skip(value: unknown): void {
    if (typeof value === 'object' && value !== null) this.#keys += countAllKeys(value, this.#limits.maxNesting);
  }
}

const NO_OWN_PARAMETERS: ReturnType<typeof sortRequestParameters> = {
  parameters: NO_PARAMETERS,
  timeoutUs: undefined,
  binaryDefault: false,
};

function readClassCount(value: string | number | boolean | bigint): number {
  const count = wholeNumber('classification', value);
  if (count > 0) return count;
  throw new ServeryError(
    'INVALID_REQUEST',
    'Cannot use parameter "classification": expected a number of classes from 1 on',
  );
}
