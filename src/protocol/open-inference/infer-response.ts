/**
 * Inference answers of the Open Inference Protocol over HTTP: JSON, or JSON and then binary tensors.
 *
 * What is the same in every answer of a version is written once and kept beside its signature.
 */
import type { ModelVersion } from '../../core/model.ts';
import type { TensorSpec } from '../../core/signature.ts';
import type { Tensor } from '../../core/tensor.ts';
import { jsonList } from '../values-out.ts';
import { binaryParts, joinParts } from './binary-tensors.ts';
import { classify } from './classification.ts';
import type { InferAnswer, RequestedOutput } from './infer-types.ts';

export interface EncodedInfer {
  /** Text when it is JSON alone. */
  readonly body: string | Uint8Array<ArrayBuffer>;
  /** Bytes of JSON at the beginning (`Inference-Header-Content-Length`) when binary tensors follow. */
  readonly headerLength: number | undefined;
}

/**
 * @param answer its `outputs` have passed `bindInferRequest`
 * @throws {ServeryError} `UNSUPPORTED` when BYTES that are not text were asked for in JSON
 */
export function encodeInferResponse(answer: InferAnswer): EncodedInfer {
  let binary: Uint8Array[] | undefined;
  const { signature, tensors, outputs, binaryDefault } = answer;
  let text = headOf(answer.model);
  if (answer.id !== undefined) text += `,"id":${JSON.stringify(answer.id)}`;
  if (answer.parameters !== undefined) text += `,"parameters":${parametersText(answer.parameters)}`;
  text += ',"outputs":[';
  if (outputs === undefined) {
    for (let i = 0; i < tensors.length; i += 1) {
      if (i > 0) text += ',';
      if (binaryDefault) binary ??= [];
      text += outputText(signature.outputs[i]!, tensors[i]!, binary);
    }
  } else {
    for (let i = 0; i < outputs.length; i += 1) {
      const requested = outputs[i]!;
      const [spec, tensor] = pick(answer, requested);
      if (i > 0) text += ',';
      const isBinary = requested.binary ?? binaryDefault;
      if (isBinary) binary ??= [];
      text += outputText(spec, tensor, isBinary ? binary : undefined);
    }
  }
  text += ']}';
  if (binary === undefined) return { body: text, headerLength: undefined };
  const header = utf8.encode(text);
  return { body: joinParts([header, ...binary]), headerLength: header.length };
}

const utf8 = new TextEncoder();

function pick({ signature, tensors }: InferAnswer, { name, classification }: RequestedOutput): [TensorSpec, Tensor] {
  const i = signature.outputs.findIndex((spec) => spec.name === name);
  const spec = signature.outputs[i]!;
  const tensor = tensors[i]!;
  return [spec, classification === undefined ? tensor : classify(tensor, spec, signature, classification)];
}

/** @param binary collects the bytes, when they are to follow the JSON */
function outputText(spec: TensorSpec, tensor: Tensor, binary: Uint8Array[] | undefined): string {
  const { datatype, shape } = tensor;
  const form = `${nameOf(spec)},"datatype":"${datatype}","shape":[${shape.join(',')}]`;
  if (binary === undefined) return `${form},"data":${jsonList(tensor, 0, tensor.data.length, spec.name)}}`;
  let size = 0;
  for (const part of binaryParts(tensor)) {
    size += part.length;
    binary.push(part);
  }
  return `${form},"parameters":{"binary_data_size":${size}}}`;
}

const heads = new WeakMap<Pick<ModelVersion, 'name' | 'version'>, string>();

function headOf(model: InferAnswer['model']): string {
  let head = heads.get(model);
  if (head === undefined) {
    head = `{"model_name":${JSON.stringify(model.name)},"model_version":"${model.version}"`;
    heads.set(model, head);
  }
  return head;
}

const names = new WeakMap<TensorSpec, string>();

function nameOf(spec: TensorSpec): string {
  let name = names.get(spec);
  if (name === undefined) {
    name = `{"name":${JSON.stringify(spec.name)}`;
    names.set(spec, name);
  }
  return name;
}

/** Bigint in digits, which `JSON.stringify` refuses to write. */
function parametersText(parameters: NonNullable<InferAnswer['parameters']>): string {
  const members = Object.entries(parameters).map(
    ([key, value]) => `${JSON.stringify(key)}:${typeof value === 'bigint' ? value : JSON.stringify(value)}`,
  );
  return `{${members.join(',')}}`;
}
