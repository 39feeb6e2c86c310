/**
 * A handler version as one front end sees it: the threads that live, and the calls that this front end has there.
 *
 * Several front ends share the threads. Whoever wants to call takes a place first, in a counter that
 * all of them see, so no call waits behind another while a thread is idle. A call that has been sent is
 * never sent again: when its thread is lost, its caller is told.
 */
import type { MessagePort, Transferable } from 'node:worker_threads';
import type { ChunkSink } from '../../core/chunk.ts';
import { systemClock } from '../../core/clock.ts';
import { ServeryError, fromWireError, toWireError } from '../../core/errors.ts';
import { isBytes, type Tensor } from '../../core/tensor.ts';
import type { PredictRows, RunCall, RunResult, Runner } from '../runtime.ts';
import { stack } from '../stack.ts';
import { deadlinePassed } from './call-context.ts';
import type { FromCall, FromFrontEnd, HandlerSource, ThreadLink, ToFrontEnd, ToThread } from './messages.ts';

interface Thread {
  readonly id: number;
  readonly port: MessagePort;
  readonly busy: Int32Array;
  readonly calls: Map<number, Pending>;
}

interface Pending {
  readonly resolve: (result: RunResult) => void;
  readonly reject: (reason: ServeryError) => void;
  readonly deadline: number | undefined;
  readonly predictRows: PredictRows | undefined;
  readonly sink: ChunkSink | undefined;
  /** Ends what it has asked of other models. */
  asks: AbortController | undefined;
  /** The deadline; after it, how long the thread may take to react. */
  timer: Disposable | undefined;
}

interface Waiter {
  readonly resolve: (thread: Thread) => void;
  readonly reject: (reason: ServeryError) => void;
}

/** @param message that of a `RunnerSource` of a handler version */
export function openHandlerRunner(message: unknown): Promise<Runner> {
  return Promise.resolve(new HandlerRunner(message as HandlerSource));
}

class HandlerRunner implements Runner {
  readonly #source: HandlerSource;
  readonly #threads = new Map<number, Thread>();
  readonly #waiters = new Set<Waiter>();
  /** Front ends that wait, of this one and all others. */
  readonly #waiting: Int32Array;
  #lastCall = 0;
  /** Until when no thread will be started, as an instant of the clock. */
  #restUntil = 0;
  #isClosing = false;

  constructor(source: HandlerSource) {
    this.#source = source;
    this.#waiting = new Int32Array(source.waiting);
    source.control.on('message', (message: ToFrontEnd) => this.#onControl(message));
    source.control.on('close', () => this.#close());
    for (const link of source.threads) this.#add(link);
  }

  get concurrency(): number {
    return Math.max(1, this.#threads.size) * this.#source.concurrency;
  }

  async run(parts: readonly (readonly Tensor[])[], call: RunCall): Promise<RunResult> {
    const tensors = stack(parts, call.rows).map(ownBytes);
    if (call.deadline !== undefined && call.deadline <= systemClock.now()) throw deadlinePassed();
    let thread = this.#take();
    // A thread may be lost between the moment its place is given and the moment this goes on.
    while (thread === undefined || !this.#threads.has(thread.id)) thread = await this.#waitForPlace(call);
    return this.#send(thread, tensors, call);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#close();
    this.#source.control.close();
    return Promise.resolve();
  }

  #add({ thread: id, port, counters }: ThreadLink): void {
    const thread: Thread = { id, port, busy: new Int32Array(counters.busy), calls: new Map() };
    this.#threads.set(id, thread);
    port.on('message', (message: FromCall) => this.#onMessage(thread, message));
    port.on('close', () => this.#lose(thread));
    this.#wake();
  }

  #onControl(message: ToFrontEnd): void {
    switch (message.type) {
      case 'thread':
        this.#add(message.link);
        break;
      case 'gone': {
        const thread = this.#threads.get(message.thread);
        if (thread !== undefined) this.#lose(thread);
        break;
      }
      case 'resting':
        this.#restUntil = systemClock.now() + message.restMs;
        for (const { reject } of this.#waiters) reject(this.#resting());
        break;
      case 'closing':
        this.#close();
    }
  }

  /** A place in the least busy thread, or undefined when there is none. */
  #take(): Thread | undefined {
    for (;;) {
      let best: Thread | undefined;
      let least = this.#source.concurrency;
      for (const thread of this.#threads.values()) {
        const calls = Atomics.load(thread.busy, 0);
        if (calls >= least) continue;
        best = thread;
        least = calls;
      }
      // Another front end may have been faster; then the counters say something new.
      if (best === undefined || Atomics.compareExchange(best.busy, 0, least, least + 1) === least) return best;
    }
  }

  async #waitForPlace({ deadline, signal }: RunCall): Promise<Thread> {
    if (this.#isClosing) throw closing();
    if (this.#threads.size === 0 && this.#restUntil > systemClock.now()) throw this.#resting();
    const { promise, resolve, reject } = Promise.withResolvers<Thread>();
    const waiter: Waiter = {
      resolve,
      reject: (reason) => {
        this.#waiters.delete(waiter); // at once, or a place could still be given to it
        reject(reason);
      },
    };
    this.#waiters.add(waiter);
    Atomics.add(this.#waiting, 0, 1);
    signal?.addEventListener('abort', () => waiter.reject(abandoned()), { once: true });
    const delayMs = deadline === undefined ? undefined : deadline - systemClock.now();
    using _timer =
      delayMs === undefined ? undefined : systemClock.after(delayMs, () => waiter.reject(deadlinePassed()));
    try {
      this.#wake(); // a place may have become free before the counter told anybody that this front end waits
      return await promise;
    } finally {
      Atomics.sub(this.#waiting, 0, 1);
    }
  }

  #wake(): void {
    for (const waiter of this.#waiters) {
      const thread = this.#take();
      if (thread === undefined) return;
      this.#waiters.delete(waiter);
      waiter.resolve(thread);
    }
  }

  #send(thread: Thread, tensors: readonly Tensor[], call: RunCall): Promise<RunResult> {
    const { rows, deadline, parameters, predictRows, sink, explains, signal } = call;
    const id = (this.#lastCall += 1);
    return new Promise((resolve, reject) => {
      // prettier-ignore
      const pending: Pending = { resolve, reject, deadline, predictRows, sink, asks: undefined, timer: undefined };
      thread.calls.set(id, pending);
      if (deadline !== undefined) {
        pending.timer = systemClock.after(deadline - systemClock.now(), () =>
          this.#cutOff(thread, id, deadlinePassed()),
        );
      }
      signal?.addEventListener('abort', () => this.#cutOff(thread, id, abandoned()), { once: true });
      const transfer = tensors.flatMap(({ data }) => (isBytes(data) ? [] : [data.buffer as ArrayBuffer]));
      const wants = explains === true ? 'explanations' : sink === undefined ? 'outputs' : 'chunks';
      this.#post(thread, { type: 'call', id, rows, tensors, parameters, wants }, transfer);
    });
  }

  /** Answers the caller before the call has ended. The place stays taken until it does, or its thread is replaced. */
  #cutOff(thread: Thread, id: number, reason: ServeryError): void {
    const pending = thread.calls.get(id);
    if (pending === undefined) return;
    pending.reject(reason);
    pending.asks?.abort(reason);
    this.#post(thread, { type: 'cancel', id, reason: toWireError(reason) });
    // A caller that leaves says nothing about the handler, which may be about to answer; a deadline does.
    const { hearMs, endMs } = this.#source.timing;
    this.#giveUpAfter(reason.code === 'CANCELLED' ? endMs : hearMs, thread, pending);
  }

  #giveUpAfter(delayMs: number, thread: Thread, pending: Pending): void {
    pending.timer?.[Symbol.dispose]();
    pending.timer = systemClock.after(delayMs, () => {
      this.#source.control.postMessage({ type: 'unresponsive', thread: thread.id } satisfies FromFrontEnd);
    });
  }

  #onMessage(thread: Thread, message: FromCall): void {
    switch (message.type) {
      case 'result':
        this.#finish(thread, message.id)?.resolve({ outputs: message.outputs, computeMs: message.computeMs });
        break;
      case 'failed':
        this.#finish(thread, message.id)?.reject(fromWireError(message.error));
        break;
      case 'chunk': {
        const { id, chunk } = message;
        thread.calls.get(id)?.sink?.push(chunk, () => this.#post(thread, { type: 'taken', id }));
        break;
      }
      case 'heard': {
        const pending = thread.calls.get(message.id);
        if (pending !== undefined) this.#giveUpAfter(this.#source.timing.endMs, thread, pending);
        break;
      }
      case 'ask':
        void this.#ask(thread, message);
        break;
      case 'free':
        this.#wake();
    }
  }

  #finish(thread: Thread, id: number): Pending | undefined {
    const pending = thread.calls.get(id);
    pending?.timer?.[Symbol.dispose]();
    thread.calls.delete(id);
    this.#wake();
    return pending;
  }

  /** A handler wants rows from another model. */
  async #ask(thread: Thread, { id, ask, model, rows }: Extract<FromCall, { type: 'ask' }>): Promise<void> {
    const pending = thread.calls.get(id);
    let answer: ToThread;
    try {
      if (pending?.predictRows === undefined) {
        throw new ServeryError('UNSUPPORTED', 'Cannot ask other models from this call');
      }
      pending.asks ??= new AbortController();
      const options = { deadline: pending.deadline, signal: pending.asks.signal };
      answer = { type: 'answer', ask, rows: await pending.predictRows(model, rows, options) };
    } catch (error) {
      answer = { type: 'refusal', ask, error: toWireError(error) };
    }
    this.#post(thread, answer);
  }

  #lose(thread: Thread): void {
    if (!this.#threads.delete(thread.id)) return;
    thread.port.close();
    const { name, version } = this.#source.model;
    for (const { timer, reject } of thread.calls.values()) {
      timer?.[Symbol.dispose]();
      const message = `The thread of handler ${name}/${version} was replaced while it ran this call`;
      reject(this.#isClosing ? closing() : new ServeryError('HANDLER_RESTARTED', message));
    }
    thread.calls.clear();
  }

  #close(): void {
    this.#isClosing = true;
    for (const thread of this.#threads.values()) this.#lose(thread);
    for (const { reject } of this.#waiters) reject(closing());
  }

  #resting(): ServeryError {
    const { name, version } = this.#source.model;
    const retryAfterMs = Math.max(1, Math.ceil(this.#restUntil - systemClock.now()));
    return new ServeryError('HANDLER_RESTARTED', `The threads of handler ${name}/${version} keep failing`, {
      retryAfterMs,
      hint: 'The next one starts after a pause; the log says why they fail.',
    });
  }

  #post(thread: Thread, message: ToThread, transfer: readonly Transferable[] = []): void {
    thread.port.postMessage(message, transfer);
  }
}

function abandoned(): ServeryError {
  return new ServeryError('CANCELLED', 'Nobody waits for the answer of the handler any more');
}

function closing(): ServeryError {
  return new ServeryError('SHUTTING_DOWN', 'Cannot run the call: the version is unloading');
}

/** Bytes may be views into a request's body: cloning one would clone all of that body. */
function ownBytes(tensor: Tensor): Tensor {
  if (!isBytes(tensor.data)) return tensor;
  const data = tensor.data.map((element) => (typeof element === 'string' ? element : new Uint8Array(element)));
  return { ...tensor, data };
}
