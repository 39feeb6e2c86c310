/** A thread that opens the runner it is sent, and answers what three rows and a padded one give. */
import { parentPort } from 'node:worker_threads';
import { openRunner } from '../../src/runtime/open-runner.ts';
import type { RunnerSource } from '../../src/runtime/runtime.ts';

parentPort!.once('message', (source: RunnerSource) => void answer(source));

async function answer(source: RunnerSource): Promise<void> {
  await using runner = await openRunner(source);
  const data = Float32Array.from([1, 2, 3]);
  const { outputs } = await runner.run([[{ datatype: 'FP32', shape: [3], data }]], { rows: 4 });
  parentPort!.postMessage([...(outputs[0]!.data as Float32Array)]);
}
