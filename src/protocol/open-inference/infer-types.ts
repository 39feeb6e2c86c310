/**
 * What an inference request of the Open Inference Protocol says, without its encoding.
 *
 * JSON, JSON with binary tensors, and gRPC all decode to these; the client makes them.
 */
import type { Signature } from '../../core/signature.ts';
import type { NamedTensor, Tensor } from '../../core/tensor.ts';

/** A value of `parameters`: 64-bit integers that a number cannot hold are bigint. */
export type ParameterValue = string | number | boolean | bigint;

export interface InferRequest {
  /** Goes back in the answer. */
  readonly id: string | undefined;
  /** For the model: everything that the protocol itself does not read. */
  readonly parameters: Readonly<Record<string, ParameterValue>>;
  /** Most microseconds in the queue; undefined when the request does not limit it. */
  readonly timeoutUs: number | undefined;
  readonly inputs: readonly NamedTensor[];
  /** Undefined: all outputs. */
  readonly outputs: readonly RequestedOutput[] | undefined;
  /** Outputs that do not say otherwise are answered in binary. */
  readonly binaryDefault: boolean;
}

export interface RequestedOutput {
  readonly name: string;
  /** Undefined: as `binaryDefault` says. */
  readonly binary: boolean | undefined;
  /** The best K classes as text, instead of the values. */
  readonly classification: number | undefined;
}

export interface InferAnswer {
  readonly model: { readonly name: string; readonly version: number };
  readonly signature: Signature;
  /** In the order of `signature.outputs`. */
  readonly tensors: readonly Tensor[];
  readonly id: string | undefined;
  /** From the request. */
  readonly outputs: readonly RequestedOutput[] | undefined;
  readonly binaryDefault: boolean;
  readonly parameters?: Readonly<Record<string, ParameterValue>>;
}

export { DEFAULT_DECODE_LIMITS, type DecodeLimits } from '../json.ts';
