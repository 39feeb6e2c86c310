/** Models as the Open Inference Protocol and Triton's extensions describe them, in JSON. */
import type { VersionState } from '../core/events.ts';
import type { TensorSpec } from '../core/signature.ts';
import type { Datatype } from '../core/tensor.ts';
import type { CountAndTime, VersionStatistics } from '../models/control-api.ts';
import type { ModelEntry, Snapshot, VersionDescriptor } from '../models/snapshot.ts';

export function metadataView({ model, platform, signature }: VersionDescriptor, { versions }: ModelEntry): object {
  const live = versions.filter(({ key }) => key !== undefined).map(({ version }) => String(version));
  return {
    name: model.name,
    versions: live,
    platform,
    inputs: signature.inputs.map(tensorView),
    outputs: signature.outputs.map(tensorView),
  };
}

function tensorView({ name, datatype, shape }: TensorSpec): object {
  return { name, datatype, shape: shape.map((size) => size ?? -1) };
}

/** Triton's model configuration, as far as it has a meaning here. */
export function configView({ model, platform, signature, batching, batchable }: VersionDescriptor): object {
  const { batched, inputs, outputs } = signature;
  const tensor = ({ name, datatype, shape }: TensorSpec) => ({
    name,
    data_type: dataType(datatype),
    dims: (batched ? shape.slice(1) : shape).map((size) => size ?? -1),
  });
  return {
    name: model.name,
    platform,
    backend: platform.split('_')[0],
    max_batch_size: batched ? batching.maxRows : 0,
    input: inputs.map(tensor),
    output: outputs.map(tensor),
    version_policy: { specific: { versions: [model.version] } },
    ...(batched && batchable
      ? {
          dynamic_batching: {
            max_queue_delay_microseconds: 0,
            default_queue_policy: { max_queue_size: batching.maxQueuedRows },
          },
        }
      : {}),
  };
}

function dataType(datatype: Datatype): string {
  return datatype === 'BYTES' ? 'TYPE_STRING' : `TYPE_${datatype}`;
}

const INDEX_STATES: Readonly<Record<VersionState, string>> = {
  loading: 'LOADING',
  ready: 'READY',
  stuck: 'UNAVAILABLE',
  failed: 'UNAVAILABLE',
  unloading: 'UNLOADING',
  unloaded: 'UNAVAILABLE',
};

/** Every version of every model, ready or not. */
export function indexView({ models }: Snapshot, onlyReady: boolean): object[] {
  const index: object[] = [];
  for (const { name, versions } of models) {
    if (versions.length === 0 && !onlyReady) index.push({ name, state: 'UNAVAILABLE', reason: 'no version' });
    for (const { version, state, reason } of versions) {
      if (onlyReady && state !== 'ready') continue;
      const why = reason === '' && state === 'unloaded' ? 'unloaded' : reason;
      index.push({ name, version: String(version), state: INDEX_STATES[state], reason: why });
    }
  }
  return index;
}

export function statisticsView(statistics: readonly VersionStatistics[]): object {
  return { model_stats: statistics.map(versionStatisticsView) };
}

function versionStatisticsView(of: VersionStatistics): object {
  const none = { count: 0, ms: 0 };
  return {
    name: of.model.name,
    version: String(of.model.version),
    last_inference: Math.round(of.lastInferenceMs),
    inference_count: of.rows,
    execution_count: of.runs,
    inference_stats: {
      success: countAndNs(of.success),
      fail: countAndNs(of.fail),
      queue: countAndNs(of.queue),
      compute_input: countAndNs(of.computeInput),
      compute_infer: countAndNs(of.computeInfer),
      compute_output: countAndNs(of.computeOutput),
      cache_hit: countAndNs(none),
      cache_miss: countAndNs(none),
    },
    batch_stats: of.batches.map(({ rows, count, runMs }) => ({
      batch_size: rows,
      compute_input: countAndNs({ count, ms: 0 }),
      compute_infer: countAndNs({ count, ms: runMs }),
      compute_output: countAndNs({ count, ms: 0 }),
    })),
    memory_usage: [],
    // Not of Triton: why batches were sent when they were, and what was refused.
    dispatch_stats: of.dispatch,
    rejection_stats: of.rejected,
  };
}

function countAndNs({ count, ms }: CountAndTime): { count: number; ns: number } {
  return { count, ns: Math.round(ms * 1e6) };
}
