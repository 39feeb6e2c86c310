/** What TensorFlow Serving says of a model beside its predictions. Shapes and names: its `apis/get_model_metadata.proto`. */
import type { Signature, TensorSpec } from '../core/signature.ts';
import type { Datatype } from '../core/tensor.ts';

import { signatureViews } from './tensorflow-serving/named-signatures.ts';

const DTYPES: Readonly<Record<Datatype, string>> = {
  BOOL: 'DT_BOOL',
  UINT8: 'DT_UINT8',
  UINT16: 'DT_UINT16',
  UINT32: 'DT_UINT32',
  UINT64: 'DT_UINT64',
  INT8: 'DT_INT8',
  INT16: 'DT_INT16',
  INT32: 'DT_INT32',
  INT64: 'DT_INT64',
  FP16: 'DT_HALF',
  FP32: 'DT_FLOAT',
  FP64: 'DT_DOUBLE',
  BYTES: 'DT_STRING',
};

export function metadataJson(name: string, version: number, signature: Signature): string {
  const signatures = signatureViews(signature).map(
    ({ name: own, method, signature: { inputs, outputs }, tensorNames }) => [
      own,
      {
        inputs: describe(inputs, tensorNames.inputs),
        outputs: describe(outputs, tensorNames.outputs),
        method_name: `tensorflow/serving/${method}`,
        defaults: {},
      },
    ],
  );
  return JSON.stringify({
    model_spec: { name, signature_name: '', version: String(version) },
    metadata: { signature_def: { signature_def: Object.fromEntries(signatures) as object } },
  });
}

function describe(specs: readonly TensorSpec[], names: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(
    specs.map(({ name, datatype, shape }, i) => {
      const dim = shape.map((size) => ({ size: String(size ?? -1), name: '' }));
      return [name, { dtype: DTYPES[datatype], tensor_shape: { dim, unknown_rank: false }, name: `${names[i]}:0` }];
    }),
  );
}

export interface VersionStatus {
  readonly version: number;
  readonly isLive: boolean;
  readonly isLoading: boolean;
  /** Empty when nothing is wrong. */
  readonly reason: string;
}

export function statusJson(versions: readonly VersionStatus[]): string {
  const model_version_status = versions.map(({ version, isLive, isLoading, reason }) => ({
    version: String(version),
    state: isLive ? 'AVAILABLE' : isLoading ? 'LOADING' : 'END',
    status: { error_code: reason === '' || isLive ? 'OK' : 'UNKNOWN', error_message: isLive ? '' : reason },
  }));
  return JSON.stringify({ model_version_status });
}
