/**
 * One handler thread as the control thread holds it: its start, its memory, what it prints, its end.
 *
 * Memory is watched here and not left to V8's limit alone. At that limit V8 stops a thread only between
 * small allocations: one large array or a growing map, and the whole process is aborted. So V8 is given room
 * above the limit, and a thread that is found beyond it is terminated.
 */
import { MessageChannel, Worker, type Transferable } from 'node:worker_threads';
import { systemClock } from '../../core/clock.ts';
import { ServeryError } from '../../core/errors.ts';
import { notice } from '../../core/events.ts';
import type { ModelArtifact } from '../../core/model.ts';
import { workerUrl } from '../../core/worker-url.ts';
import type { RuntimeOptions } from '../options.ts';
import { forwardLines } from './forward-lines.ts';
import type { ConnectThread, FromThread, SourceFile, ThreadLink, ThreadStart } from './messages.ts';
import type { EndOfThread } from './restart-delay.ts';

/** Room for what a thread can allocate between two looks at its memory. Address space, until it is used. */
const HEADROOM_MB = 1024;
const LOOK_EVERY_MS = 50;
const IDLE_LOOKS = 20;
const MB = 1024 * 1024;

type Ready = Extract<FromThread, { type: 'ready' }>;

export interface EndReport {
  readonly cause: EndOfThread;
  readonly error: unknown;
}

let lastId = 0;

export class HandlerThread {
  readonly id = (lastId += 1);
  /** Resolves when the thread is gone, whoever ended it. */
  readonly ended: Promise<EndReport>;
  readonly #artifact: ModelArtifact;
  readonly #worker: Worker;
  readonly #counters: ThreadStart['counters'];
  readonly #memoryMb: number;
  readonly #ready = Promise.withResolvers<Ready>();
  #isReady = false;
  #isTooLarge = false;
  #isLooking = false;

  constructor(
    artifact: ModelArtifact,
    { memoryMb }: RuntimeOptions,
    waiting: SharedArrayBuffer,
    sources: ReadonlyMap<string, SourceFile>,
  ) {
    this.#artifact = artifact;
    this.#memoryMb = memoryMb;
    this.#counters = { busy: new SharedArrayBuffer(4), since: new SharedArrayBuffer(8), waiting };
    const { name, version, folder, file } = artifact;
    const workerData: ThreadStart = { model: { name, version }, folder, file, counters: this.#counters, sources };
    this.#worker = new Worker(workerUrl(import.meta.url, './handler-thread'), {
      name: `handler ${name}/${version}`,
      workerData,
      resourceLimits: { maxOldGenerationSizeMb: memoryMb + HEADROOM_MB },
      stdout: true,
      stderr: true,
    });
    this.#ready.promise.catch(() => {}); // also when it fails before anybody asks
    this.ended = this.#watch();
  }

  /** @throws {ServeryError} `MODEL_INVALID`, with the reason */
  async ready(setupMs: number): Promise<Ready> {
    using _limit = systemClock.after(setupMs, () => {
      this.#ready.reject(invalid(`its setup did not end within ${setupMs / 1000} s`));
    });
    return await this.#ready.promise;
  }

  /** A way to call it, for one front end. */
  connect(): ThreadLink {
    const { port1, port2 } = new MessageChannel();
    this.#send({ port: port1 }, [port1]);
    return { thread: this.id, port: port2, counters: this.#counters };
  }

  /** Epoch milliseconds; 0 when it runs nothing. */
  runningSince(): number {
    return Number(Atomics.load(new BigInt64Array(this.#counters.since), 0));
  }

  async terminate(): Promise<void> {
    await this.#worker.terminate();
  }

  async #watch(): Promise<EndReport> {
    const { name, version } = this.#artifact;
    const model = { name, version };
    const worker = this.#worker;
    forwardLines(worker.stdout, (message) => notice.publish({ level: 'info', model, message }));
    forwardLines(worker.stderr, (message) => notice.publish({ level: 'warn', model, message }));
    // A library in the handler's thread may think that the port of the thread is its own.
    worker.on('message', (message: FromThread | null | undefined) => {
      if (typeof message === 'object' && message !== null) this.#onMessage(message);
    });
    let looks = 0;
    const look = setInterval(() => {
      looks += 1;
      // Looking wakes the thread up, so an idle one is looked at seldom.
      const isIdle = this.#isReady && this.runningSince() === 0;
      if (!isIdle || looks % IDLE_LOOKS === 0) void this.#lookAtMemory();
    }, LOOK_EVERY_MS).unref();
    let error: (Error & { readonly code?: string }) | undefined;
    worker.on('error', (thrown: Error) => (error = thrown));
    await new Promise((resolve) => worker.once('exit', resolve));
    clearInterval(look);
    const isTooLarge = this.#isTooLarge || error?.code === 'ERR_WORKER_OUT_OF_MEMORY';
    const reason = isTooLarge
      ? `it needs more than ${this.#memoryMb} MB; raise runtime.memoryMb`
      : 'its thread ended before it was ready';
    this.#ready.reject(invalid(reason, error));
    return { cause: isTooLarge ? 'memory' : 'exit', error };
  }

  #onMessage(message: FromThread): void {
    const { name, version } = this.#artifact;
    switch (message.type) {
      case 'ready':
        this.#isReady = true;
        this.#ready.resolve(message);
        break;
      case 'invalid':
        this.#ready.reject(invalid(message.reason, { stack: message.stack }, message.hint));
        break;
      case 'log':
        notice.publish({ level: message.level, model: { name, version }, message: message.message });
    }
  }

  async #lookAtMemory(): Promise<void> {
    // A thread in the middle of a long allocation answers late.
    if (this.#isLooking) return;
    this.#isLooking = true;
    try {
      const { used_heap_size: heap, external_memory: buffers } = await this.#worker.getHeapStatistics();
      if (heap + buffers > this.#memoryMb * MB) {
        this.#isTooLarge = true;
        await this.#worker.terminate();
      }
    } catch {
      // It has not begun yet, or it has ended.
    }
    this.#isLooking = false;
  }

  #send(message: ConnectThread, transfer: readonly Transferable[]): void {
    this.#worker.postMessage(message, transfer);
  }
}

const HINT = 'Correct it and publish it as a new version; `servery check` shows the same reason.';

function invalid(reason: string, cause?: unknown, hint = HINT): ServeryError {
  return new ServeryError('MODEL_INVALID', `Cannot load the handler: ${reason}`, { cause, hint });
}
