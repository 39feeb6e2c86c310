/** Runs a tiny version in the calling thread: a hop to another thread would cost more than the model. */
import type { Signature } from '../../core/signature.ts';
import { placeInputs, type Placement } from '../place-inputs.ts';
import type { Runner } from '../runtime.ts';
import { Slab } from '../slab.ts';
import { openSession, type SessionOptions } from './binding.ts';
import { loadFailed } from './failures.ts';
import { createSessionRun } from './session-run.ts';

/**
 * A tiny model needs no memory of its own to hand out: without it, a lone run takes 2 microseconds less. What is
 * computed stays the same.
 */
const PLAIN_MEMORY = { enableCpuMemArena: false, enableMemPattern: false };

/** @throws {ServeryError} `MODEL_INVALID`, `RUNTIME_MISSING` */
export function openInlineRunner(bytes: Uint8Array, options: SessionOptions, signature: Signature): Runner {
  let session: ReturnType<typeof openSession>;
  try {
    session = openSession(bytes, { ...options, ...PLAIN_MEMORY });
  } catch (error) {
    throw loadFailed(error);
  }
  let isClosed = false;
  const compute = createSessionRun(session, signature);
  const slab = new Slab((size) => new ArrayBuffer(size));
  const placement: Placement = {
    batched: signature.batched,
    take: (datatype, length) => slab.take(datatype, length),
    canPass: () => true,
  };
  return {
    concurrency: 1,
    // Async for its errors only: the run is over when the call returns, so the slab is free again.
    async run(parts, { rows }) {
      slab.reset();
      return compute(placeInputs(parts, rows, placement));
    },
    [Symbol.asyncDispose]() {
      if (!isClosed) session.dispose();
      isClosed = true;
      return Promise.resolve();
    },
  };
}
