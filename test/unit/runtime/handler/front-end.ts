/** A front end in a thread of its own: a thousand calls, eight at once; tells how many came back, and the sum of the answers. */
import { parentPort, workerData } from 'node:worker_threads';
import { openHandlerRunner } from '../../../../src/runtime/handler/open-handler-runner.ts';
import { runX } from './open-handler.ts';

await using runner = await openHandlerRunner(workerData);
let next = 0;
let sum = 0;
let count = 0;
const caller = async () => {
  while (next < 1000) {
    const x = (next += 1) - 1;
    const [y] = await runX(runner, [x]);
    sum += Number(y);
    count += 1;
  }
};
await Promise.all(Array.from({ length: 8 }, caller));
parentPort!.postMessage([count, sum]);
