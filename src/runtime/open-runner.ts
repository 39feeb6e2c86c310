/**
 * Opens what a loaded model handed out, in the thread that will run it.
 *
 * Each runtime is imported when it is needed: a server without ONNX models never loads ONNX Runtime.
 */
import type { Runner, RunnerSource } from './runtime.ts';

/** @throws {ServeryError} `MODEL_INVALID`, `RUNTIME_MISSING` */
export async function openRunner({ runtime, message }: RunnerSource): Promise<Runner> {
  switch (runtime) {
    case 'onnx': {
      const { openOnnxRunner } = await import('./onnx/open-onnx-runner.ts');
      return openOnnxRunner(message);
    }
    case 'handler': {
      const { openHandlerRunner } = await import('./handler/open-handler-runner.ts');
      return openHandlerRunner(message);
    }
  }
}
