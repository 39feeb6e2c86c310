/** Models as the Open Inference Protocol and Triton's extensions describe them, as protobuf messages. */
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import type { TensorSpec } from '../core/signature.ts';
import type { Datatype } from '../core/tensor.ts';
import type { CountAndTime, VersionStatistics } from '../models/control-api.ts';
import type { ModelEntry, VersionDescriptor } from '../models/snapshot.ts';
import {
  DataType,
  ModelConfigSchema,
  ModelMetadataResponseSchema,
  ModelStatisticsResponseSchema,
  type ModelConfig,
  type ModelMetadataResponse,
  type ModelMetadataResponse_TensorMetadataSchema,
  type ModelStatisticsResponse,
} from '../protocol/open-inference-grpc/gen/open_inference_pb.ts';

export function metadataMessage(
  { model, platform, signature }: VersionDescriptor,
  { versions }: ModelEntry,
): ModelMetadataResponse {
  return create(ModelMetadataResponseSchema, {
    name: model.name,
    versions: versions.filter(({ key }) => key !== undefined).map(({ version }) => String(version)),
    platform,
    inputs: signature.inputs.map(tensorMetadata),
    outputs: signature.outputs.map(tensorMetadata),
  });
}

function tensorMetadata({
  name,
  datatype,
  shape,
}: TensorSpec): MessageInitShape<typeof ModelMetadataResponse_TensorMetadataSchema> {
  return { name, datatype, shape: shape.map((size) => BigInt(size ?? -1)) };
}

/** Triton's model configuration, as far as it has a meaning here. */
export function configMessage({ model, platform, signature, batching, batchable }: VersionDescriptor): ModelConfig {
  const { batched, inputs, outputs } = signature;
  const tensor = ({ name, datatype, shape }: TensorSpec) => ({
    name,
    dataType: dataType(datatype),
    dims: (batched ? shape.slice(1) : shape).map((size) => BigInt(size ?? -1)),
  });
  return create(ModelConfigSchema, {
    name: model.name,
    platform,
    backend: platform.split('_')[0]!,
    versionPolicy: { policyChoice: { case: 'specific', value: { versions: [BigInt(model.version)] } } },
    maxBatchSize: batched ? batching.maxRows : 0,
    input: inputs.map(tensor),
    output: outputs.map(tensor),
    ...(batched && batchable
      ? { dynamicBatching: { defaultQueuePolicy: { maxQueueSize: batching.maxQueuedRows } } }
      : {}),
    modelTransactionPolicy: { decoupled: false },
  });
}

function dataType(datatype: Datatype): DataType {
  return datatype === 'BYTES' ? DataType.TYPE_STRING : DataType[`TYPE_${datatype}`];
}

export function statisticsMessage(statistics: readonly VersionStatistics[]): ModelStatisticsResponse {
  return create(ModelStatisticsResponseSchema, {
    modelStats: statistics.map((of) => ({
      name: of.model.name,
      version: String(of.model.version),
      lastInference: BigInt(Math.round(of.lastInferenceMs)),
      inferenceCount: BigInt(of.rows),
      executionCount: BigInt(of.runs),
      inferenceStats: {
        success: duration(of.success),
        fail: duration(of.fail),
        queue: duration(of.queue),
        computeInput: duration(of.computeInput),
        computeInfer: duration(of.computeInfer),
        computeOutput: duration(of.computeOutput),
      },
      batchStats: of.batches.map(({ rows, count, runMs }) => ({
        batchSize: BigInt(rows),
        computeInfer: duration({ count, ms: runMs }),
      })),
    })),
  });
}

function duration({ count, ms }: CountAndTime): { count: bigint; ns: bigint } {
  return { count: BigInt(count), ns: BigInt(Math.round(ms * 1e6)) };
}
