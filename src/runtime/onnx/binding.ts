/**
 * ONNX Runtime in the calling thread.
 *
 * The native binding is used directly, below the package's public interface, for two reasons. A run is one
 * plain call, where the public one adds three microseconds and a turn of the event loop, as much as a tiny
 * model costs. And outputs are made by a constructor of ours, so half-precision values arrive as their bits;
 * the package's own constructor wants a `Float16Array` where Node.js has one and refuses what the binding
 * gives it. Nothing else of the package is loaded: its JavaScript would cost each thread 15 ms.
 * `onnxruntime-node` is pinned exactly, and a build with another shape is refused with one line.
 */
import { createRequire } from 'node:module';
import { isMainThread } from 'node:worker_threads';
import { ServeryError } from '../../core/errors.ts';
import type { NumericData } from '../../core/tensor.ts';

/** What the binding reads of an input or a preallocated output. */
export interface NativeInput {
  readonly type: string;
  readonly location: 'cpu';
  readonly dims: readonly number[];
  readonly data: NumericData | readonly string[];
}

export interface NativeOutput {
  readonly dims: readonly number[];
  readonly data: NumericData | readonly string[];
}

export interface NativeSession {
  loadModel(buffer: ArrayBufferLike, byteOffset: number, byteLength: number, options: SessionOptions): void;
  /**
   * Blocks the thread. An output that is null is allocated by ONNX Runtime. It also takes run options, of which
   * none are of use here: reading even an empty object costs a lone request 3 microseconds.
   */
  run(
    inputs: Readonly<Record<string, NativeInput>>,
    outputs: Readonly<Record<string, NativeInput | null>>,
  ): Record<string, NativeOutput>;
  dispose(): void;
}

export interface SessionOptions {
  readonly intraOpNumThreads: number;
  readonly graphOptimizationLevel: string;
  readonly executionProviders: readonly string[];
  /** On unless said otherwise. */
  readonly enableCpuMemArena?: boolean;
  readonly enableMemPattern?: boolean;
  readonly externalData?: readonly { readonly path: string; readonly data: Uint8Array }[];
}

interface Binding {
  readonly InferenceSession: new () => NativeSession;
  initOrtOnce(logLevel: number, constructor: unknown, isMainThread: boolean): void;
}

class Output implements NativeOutput {
  readonly dims: readonly number[];
  readonly data: NumericData | readonly string[];

  constructor(_type: string, data: NumericData | readonly string[], dims: readonly number[]) {
    this.dims = dims;
    this.data = data;
  }
}

/** Failures come back as errors; printed as well, they would break the log, which is JSON. */
const FATAL_ONLY = 4;

let loaded: Binding | undefined;

function binding(): Binding {
  if (loaded !== undefined) return loaded;
  let found: Partial<Binding> | undefined;
  try {
    const require = createRequire(import.meta.url);
    const { platform, arch } = process;
    require('onnxruntime-node/package.json'); // fails when it is not installed
    found = require(`onnxruntime-node/bin/napi-v6/${platform}/${arch}/onnxruntime_binding.node`) as Partial<Binding>;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    const problem =
      code === 'MODULE_NOT_FOUND' ? 'is not installed' : `does not run here (${process.platform}, ${process.arch})`;
    throw new ServeryError('RUNTIME_MISSING', `Cannot load ONNX models: onnxruntime-node ${problem}`, { cause: error });
  }
  if (typeof found?.InferenceSession !== 'function' || typeof found.initOrtOnce !== 'function') {
    throw new ServeryError('RUNTIME_MISSING', 'Cannot load ONNX models: this onnxruntime-node is of another version', {
      hint: 'Install the version that servery names in its optionalDependencies.',
    });
  }
  loaded = found as Binding;
  loaded.initOrtOnce(FATAL_ONLY, Output, isMainThread);
  return loaded;
}

/** Slow: as long as the model is large. The bytes may be dropped afterwards. */
export function openSession(bytes: Uint8Array, options: SessionOptions): NativeSession {
  const session = new (binding().InferenceSession)();
  // Outputs may lie in shared memory, the model may not.
  const { buffer, byteOffset, byteLength } = bytes.buffer instanceof SharedArrayBuffer ? new Uint8Array(bytes) : bytes;
  session.loadModel(buffer, byteOffset, byteLength, {
    ...options,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    logSeverityLevel: FATAL_ONLY,
    // Idle threads of a session would spin, and take the cores from the event loops.
    extra: { session: { intra_op: { allow_spinning: '0' } } },
  } as SessionOptions);
  return session;
}
