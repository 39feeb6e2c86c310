/** Runs a version whose session is in an executor thread: rows go there and back through shared memory. */
import type { MessagePort } from 'node:worker_threads';
import { ServeryError, fromWireError } from '../../core/errors.ts';
import type { Signature } from '../../core/signature.ts';
import { bytesPerElement, elementCount, viewOf, type NumericData, type Tensor } from '../../core/tensor.ts';
import { placeInputs } from '../place-inputs.ts';
import type { Runner, RunResult } from '../runtime.ts';
import { Slab } from '../slab.ts';
import type { RunReply, RunRequest } from './messages.ts';
import type { Target } from './session-run.ts';

interface Waiting {
  readonly into: readonly (Target | null)[];
  readonly resolve: (result: RunResult) => void;
  readonly reject: (error: unknown) => void;
}

export function openExecutorRunner(port: MessagePort, signature: Signature): Runner {
  const { batched } = signature;
  const prepareOutputs = createOutputs(signature);
  const waiting = new Map<number, Waiting>();
  let slab = new Slab(allocateShared);
  let lastId = 0;
  let isClosed = false;

  port.on('message', (reply: RunReply) => {
    const run = waiting.get(reply.id);
    if (run === undefined) return;
    waiting.delete(reply.id);
    if (waiting.size === 0) port.unref();
    if ('error' in reply) return run.reject(fromWireError(reply.error));
    const outputs = reply.outputs.map((output, i) => output ?? tensorAt(signature, i, run.into[i]!));
    run.resolve({ outputs, computeMs: reply.computeMs });
  });
  const close = () => {
    isClosed = true;
    port.close();
    for (const { reject } of waiting.values()) reject(closed());
    waiting.clear();
  };
  // The other side may close too: the version is unloaded, or its thread has died.
  port.on('close', close);
  port.unref();

  return {
    concurrency: 1,
    run(parts, { rows, deadline }) {
      if (isClosed) return Promise.reject(closed());
      // A run that nobody waits for any more may still read the slab.
      if (waiting.size > 0) slab = new Slab(allocateShared);
      slab.reset();
      const inputs = placeInputs(parts, rows, {
        batched,
        take: (datatype, length) => slab.take(datatype, length),
        canPass: isShared,
      });
      const into = prepareOutputs(rows);
      lastId += 1;
      const request: RunRequest = { id: lastId, inputs, into, deadline };
      const { promise, resolve, reject } = Promise.withResolvers<RunResult>();
      if (waiting.size === 0) port.ref();
      waiting.set(lastId, { into, resolve, reject });
      port.postMessage(request);
      return promise;
    },
    [Symbol.asyncDispose]() {
      close();
      return Promise.resolve();
    },
  };
}

function closed(): ServeryError {
  return new ServeryError('MODEL_FAILED', 'The executor of the model is closed');
}

function allocateShared(bytes: number): SharedArrayBuffer {
  return new SharedArrayBuffer(bytes);
}

function isShared(data: NumericData): boolean {
  return data.buffer instanceof SharedArrayBuffer;
}

function tensorAt({ outputs }: Signature, i: number, { shape, data }: Target): Tensor {
  return { datatype: outputs[i]!.datatype, shape, data };
}

const ALIGNMENT = 64;

/** Arrays for the outputs whose size follows from the rows, all in one piece of shared memory. */
function createOutputs({ outputs, batched }: Signature): (rows: number) => readonly (Target | null)[] {
  const plans = outputs.map(({ datatype, shape }) => {
    const inner = batched ? shape.slice(1) : shape;
    if (datatype === 'BYTES' || inner.includes(null)) return null;
    return { datatype, inner: inner as readonly number[], elements: elementCount(inner as readonly number[]) };
  });
  return (rows) => {
    let size = 0;
    const places = plans.map((plan) => {
      if (plan === null) return 0;
      const at = size;
      const bytes = plan.elements * (batched ? rows : 1) * bytesPerElement(plan.datatype);
      size += Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
      return at;
    });
    const buffer = new SharedArrayBuffer(size);
    return plans.map((plan, i) => {
      if (plan === null) return null;
      const shape = batched ? [rows, ...plan.inner] : plan.inner;
      return { shape, data: viewOf(plan.datatype, buffer, places[i]!, plan.elements * (batched ? rows : 1)) };
    });
  };
}
