/**
 * Runs a version whose sessions are in executor threads: rows go there and back through shared memory.
 *
 * It has one run under way, at whichever executor has the least to do: several front ends then run at the same time,
 * each with batches as large as they would be otherwise.
 */
import { ServeryError, fromWireError } from '../../core/errors.ts';
import type { Signature } from '../../core/signature.ts';
import { bytesPerElement, elementCount, viewOf, type NumericData, type Tensor } from '../../core/tensor.ts';
import { placeInputs } from '../place-inputs.ts';
import type { Runner, RunResult } from '../runtime.ts';
import { Slab } from '../slab.ts';
import type { ExecutorLinks, RunReply, RunRequest } from './messages.ts';
import type { Target } from './session-run.ts';

interface Waiting {
  readonly executor: number;
  readonly into: readonly (Target | null)[];
  readonly resolve: (result: RunResult) => void;
  readonly reject: (error: unknown) => void;
}

export function openExecutorRunner({ ports, given }: ExecutorLinks, signature: Signature): Runner {
  const { batched } = signature;
  const prepareOutputs = createOutputs(signature);
  const waiting = new Map<number, Waiting>();
  let slab = new Slab(allocateShared);
  let lastId = 0;
  let isClosed = false;

  const onReply = (reply: RunReply) => {
    const run = waiting.get(reply.id);
    if (run === undefined) return;
    waiting.delete(reply.id);
    Atomics.sub(given, run.executor, 1);
    if (waiting.size === 0) for (const port of ports) port.unref();
    if ('error' in reply) return run.reject(fromWireError(reply.error));
    const outputs = reply.outputs.map((output, i) => output ?? tensorAt(signature, i, run.into[i]!));
    run.resolve({ outputs, computeMs: reply.computeMs });
  };
  const close = () => {
    isClosed = true;
    for (const port of ports) port.close();
    for (const { executor, reject } of waiting.values()) {
      Atomics.sub(given, executor, 1);
      reject(closed());
    }
    waiting.clear();
  };
  for (const port of ports) {
    port.on('message', onReply);
    // The other side may close too: the version is unloaded, or its thread has died.
    port.on('close', close);
    port.unref();
  }
  const leastBusy = () => {
    let least = 0;
    for (let i = 1; i < ports.length; i += 1) if (Atomics.load(given, i) < Atomics.load(given, least)) least = i;
    return least;
  };

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
      const executor = leastBusy();
      Atomics.add(given, executor, 1);
      if (waiting.size === 0) for (const port of ports) port.ref();
      waiting.set(lastId, { executor, into, resolve, reject });
      ports[executor]!.postMessage(request);
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
