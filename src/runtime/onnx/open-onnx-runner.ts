/** Opens a `RunnerSource` of the ONNX runtime in the calling thread. */
import type { Runner } from '../runtime.ts';
import { openExecutorRunner } from './executor-runner.ts';
import { openInlineRunner } from './inline-runner.ts';
import type { OnnxSource } from './messages.ts';

/** @throws {ServeryError} `MODEL_INVALID`, `RUNTIME_MISSING` */
export function openOnnxRunner(message: unknown): Runner {
  const source = message as OnnxSource;
  if (source.kind === 'executor') return openExecutorRunner(source.port, source.signature);
  return openInlineRunner(source.bytes, source.options, source.signature);
}
