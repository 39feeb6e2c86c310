/**
 * The model configuration extension: a version described in the terms of Triton's model configuration, as far
 * as they have a meaning here. Load generators read it to learn what they may send.
 */
import type { Signature, TensorSpec } from '../../core/signature.ts';
import type { Datatype } from '../../core/tensor.ts';

export interface ConfiguredVersion {
  readonly model: { readonly name: string; readonly version: number };
  readonly platform: string;
  readonly signature: Signature;
  readonly batching: { readonly maxRows: number };
  /** False: requests are never put together. */
  readonly batchable: boolean;
}

export interface ModelConfig {
  readonly name: string;
  readonly platform: string;
  readonly backend: string;
  readonly version_policy: { readonly specific: { readonly versions: readonly number[] } };
  /** 0: axis 0 does not count rows. */
  readonly max_batch_size: number;
  readonly input: readonly TensorConfig[];
  readonly output: readonly TensorConfig[];
  readonly dynamic_batching?: {
    readonly preferred_batch_size: readonly number[];
    readonly max_queue_delay_microseconds: number;
  };
}

export interface TensorConfig {
  readonly name: string;
  readonly data_type: string;
  /** Without the axis of the rows, when there is one. */
  readonly dims: readonly number[];
}

/** The one datatype whose name is another there. All others follow `TYPE_`. */
const TEXT = 'TYPE_STRING';

export function modelConfig({ model, platform, signature, batching, batchable }: ConfiguredVersion): ModelConfig {
  const { batched } = signature;
  const tensorConfig = ({ name, datatype, shape }: TensorSpec): TensorConfig => ({
    name,
    data_type: typeName(datatype),
    dims: (batched ? shape.slice(1) : shape).map((size) => size ?? -1),
  });
  return {
    name: model.name,
    platform,
    backend: platform.split('_', 1)[0]!,
    version_policy: { specific: { versions: [model.version] } },
    max_batch_size: batched ? batching.maxRows : 0,
    input: signature.inputs.map(tensorConfig),
    output: signature.outputs.map(tensorConfig),
    // Nothing ever waits for a batch, so there is no size to prefer and no delay.
    ...(batched && batchable && { dynamic_batching: { preferred_batch_size: [], max_queue_delay_microseconds: 0 } }),
  };
}

function typeName(datatype: Datatype): string {
  return datatype === 'BYTES' ? TEXT : `TYPE_${datatype}`;
}
