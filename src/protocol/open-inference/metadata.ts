/** Metadata of the server and of a model: what clients read before they send anything. */
import type { Signature, TensorSpec } from '../../core/signature.ts';

/** The extensions of the protocol that are implemented, by the names that Triton gave them. */
const EXTENSIONS: readonly string[] = [
  'binary_tensor_data',
  'classification',
  'model_configuration',
  'model_repository',
  'parameters',
  'schedule_policy',
  'statistics',
];

export interface ServerMetadata {
  readonly name: string;
  readonly version: string;
  readonly extensions: readonly string[];
}

/** @param name an option of the server, since some clients insist on one */
export function serverMetadata(name: string, version: string): ServerMetadata {
  return { name, version, extensions: EXTENSIONS };
}

export interface TensorMetadata {
  readonly name: string;
  readonly datatype: string;
  /** -1 is an axis of any size. */
  readonly shape: readonly number[];
}

export interface ModelMetadata {
  readonly name: string;
  readonly versions: readonly string[];
  readonly platform: string;
  readonly inputs: readonly TensorMetadata[];
  readonly outputs: readonly TensorMetadata[];
}

/** @param versions that may be asked for, ascending */
export function modelMetadata(
  name: string,
  versions: readonly number[],
  platform: string,
  signature: Signature,
): ModelMetadata {
  return {
    name,
    versions: versions.map(String),
    platform,
    inputs: signature.inputs.map(tensorMetadata),
    outputs: signature.outputs.map(tensorMetadata),
  };
}

function tensorMetadata({ name, datatype, shape }: TensorSpec): TensorMetadata {
  return { name, datatype, shape: shape.map((size) => size ?? -1) };
}
