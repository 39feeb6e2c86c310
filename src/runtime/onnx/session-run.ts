/** One run of a session: tensors in, tensors out. The only place that speaks the binding's form of a tensor. */
import type { TensorSpec } from '../../core/signature.ts';
import { isBytes, type BytesElement, type Datatype, type NumericData, type Tensor } from '../../core/tensor.ts';
import type { NativeInput, NativeSession } from './binding.ts';
import { NATIVE_TYPES } from './datatypes.ts';
import { runFailed } from './failures.ts';

export interface SessionResult {
  readonly outputs: readonly Tensor[];
  readonly computeMs: number;
}

/**
 * Blocks the thread until the outputs are computed.
 *
 * @param into arrays that an output is to be written to; null leaves it to ONNX Runtime
 * @throws {ServeryError} `MODEL_FAILED`
 */
export type SessionRun = (inputs: readonly Tensor[], into?: readonly (Target | null)[]) => SessionResult;

export interface Target {
  readonly shape: readonly number[];
  readonly data: NumericData;
}

interface Names {
  readonly inputs: readonly Pick<TensorSpec, 'name' | 'datatype'>[];
  readonly outputs: readonly Pick<TensorSpec, 'name' | 'datatype'>[];
}

export function createSessionRun(session: NativeSession, { inputs: takes, outputs: gives }: Names): SessionRun {
  // A tensor may be called `__proto__`: objects without a prototype treat it as any other name.
  const inputs = Object.create(null) as Record<string, NativeInput>;
  const outputs = Object.create(null) as Record<string, NativeInput | null>;
  return (tensors, into) => {
    for (let i = 0; i < takes.length; i += 1) {
      const { shape, data } = tensors[i]!;
      const { name, datatype } = takes[i]!;
      inputs[name] = native(datatype, shape, isBytes(data) ? data.map(text) : data);
    }
    for (let i = 0; i < gives.length; i += 1) {
      const target = into?.[i] ?? null;
      const { name, datatype } = gives[i]!;
      outputs[name] = target === null ? null : native(datatype, target.shape, target.data);
    }
    let results: ReturnType<NativeSession['run']>;
    const began = performance.now();
    try {
      results = session.run(inputs, outputs);
    } catch (error) {
      throw runFailed(error);
    }
    const computeMs = performance.now() - began;
    const answer = gives.map(({ name, datatype }): Tensor => {
      const { dims, data } = results[name]!;
      return { datatype, shape: dims, data };
    });
    return { outputs: answer, computeMs };
  };
}

function native(datatype: Datatype, dims: readonly number[], data: NumericData | readonly string[]): NativeInput {
  return { type: NATIVE_TYPES[datatype], location: 'cpu', dims, data };
}

const utf8 = new TextDecoder();

/** Checked inputs hold text; rows that were made elsewhere may hold its bytes. */
function text(element: BytesElement): string {
  return typeof element === 'string' ? element : utf8.decode(element);
}
