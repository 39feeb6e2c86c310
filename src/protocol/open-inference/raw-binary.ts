/**
 * The raw binary request: no JSON at all, the whole body is the one input of the model. For clients that
 * have bytes (an image, a recording) and nothing to make JSON with.
 */
import { ServeryError, invalidInput } from '../../core/errors.ts';
import type { Signature, TensorSpec } from '../../core/signature.ts';
import { bytesPerElement, elementCount, type NamedTensor } from '../../core/tensor.ts';
import { readBinaryTensor } from './binary-tensors.ts';
import type { InferRequest } from './infer-types.ts';

/**
 * One row. A free axis gets the size that the length of the body says; BYTES is one element, without its length.
 *
 * @throws {ServeryError} `INVALID_REQUEST` when the model's signature does not allow this; `INVALID_INPUT`
 */
export function decodeRawBinary(body: Uint8Array, signature: Signature): readonly NamedTensor[] {
  const [spec, ...others] = signature.inputs;
  if (spec === undefined || others.length > 0) {
    throw unfit(`the model takes ${signature.inputs.length} inputs, and raw binary is for one`);
  }
  const { name, datatype } = spec;
  if (datatype === 'BYTES') {
    const shape = sizes(spec, signature).map((size) => size ?? 1);
    if (elementCount(shape) !== 1) throw unfit('its BYTES input takes more than one element');
    return [{ name, datatype, shape, data: [body] }];
  }
  const shape = resolveShape(spec, signature, body.length);
  return [{ name, datatype, shape, data: readBinaryTensor(name, datatype, shape, elementCount(shape), body) }];
}

/** A raw binary request says nothing else, and is answered in binary. */
export const RAW_BINARY_FORM: Omit<InferRequest, 'inputs'> = {
  id: undefined,
  parameters: {},
  timeoutUs: undefined,
  outputs: undefined,
  binaryDefault: true,
};

function sizes({ shape }: TensorSpec, { batched }: Signature): readonly (number | null)[] {
  return batched ? [1, ...shape.slice(1)] : shape;
}

function resolveShape(spec: TensorSpec, signature: Signature, length: number): readonly number[] {
  const wanted = sizes(spec, signature);
  const free = wanted.filter((size) => size === null).length;
  if (free > 1) throw unfit(`its shape has ${free} free axes, and the length of the body can tell one`);
  const known = elementCount(wanted.map((size) => size ?? 1)) * bytesPerElement(spec.datatype);
  const size = known === 0 ? 0 : length / known;
  if (free === 1 && !Number.isInteger(size)) {
    throw invalidInput(spec.name, `it has ${length} bytes, expected a multiple of ${known}`);
  }
  return wanted.map((axis) => axis ?? size);
}

function unfit(problem: string): ServeryError {
  return new ServeryError('INVALID_REQUEST', `Cannot use a raw binary body: ${problem}`, {
    hint: 'Describe the tensors in JSON, and send its length in Inference-Header-Content-Length.',
  });
}
