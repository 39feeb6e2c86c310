/**
 * The threads of one handler version, on the control thread: starts them, watches them, replaces those that die.
 *
 * Front ends call the threads directly. What they cannot do is done here: end a thread that no
 * longer reacts, and hand everybody a way to the one that takes its place.
 */
import { MessageChannel, type MessagePort, type Transferable } from 'node:worker_threads';
import { systemClock } from '../../core/clock.ts';
import { ServeryError } from '../../core/errors.ts';
import { handlerRestarted, notice } from '../../core/events.ts';
import type { ModelArtifact } from '../../core/model.ts';
import type { RuntimeOptions } from '../options.ts';
import type { RunnerSource } from '../runtime.ts';
import { HandlerThread } from './handler-worker.ts';
import type {
  CallTiming,
  FromFrontEnd,
  HandlerDescription,
  HandlerSource,
  SourceFile,
  ThreadLink,
  ToFrontEnd,
} from './messages.ts';
import { afterEnd, type EndOfThread } from './restart-delay.ts';

export interface HandlerTiming extends CallTiming {
  /** How long the module and its `setup` may take. */
  readonly setupMs: number;
}

export class HandlerThreads implements AsyncDisposable {
  readonly #artifact: ModelArtifact;
  readonly #options: RuntimeOptions;
  readonly #timing: HandlerTiming;
  readonly #waiting = new SharedArrayBuffer(4);
  readonly #live = new Set<HandlerThread>();
  /** Everything started and not yet gone, also what is still in `setup` or being terminated. */
  readonly #all = new Set<HandlerThread>();
  readonly #frontEnds = new Set<MessagePort>();
  readonly #pauses = new Set<Disposable>();
  #sources: ReadonlyMap<string, SourceFile> = new Map();
  #failures = 0;
  #isClosing = false;

  constructor(artifact: ModelArtifact, options: RuntimeOptions, timing: HandlerTiming) {
    this.#artifact = artifact;
    this.#options = options;
    this.#timing = timing;
  }

  /** @throws {ServeryError} `MODEL_INVALID`, with the reason why one of them did not start */
  async start(): Promise<HandlerDescription> {
    // The first one alone: what is wrong is said once, and the others read the sources that it has read.
    const description = await this.#startOne();
    const others = Array.from({ length: this.#options.threads - 1 }, () => this.#startOne());
    await Promise.all(others);
    return description;
  }

  connect(): RunnerSource {
    const { port1, port2 } = new MessageChannel();
    this.#frontEnds.add(port1);
    port1.on('message', ({ thread: id }: FromFrontEnd) => {
      const thread = this.#live.values().find((live) => live.id === id);
      if (thread !== undefined) this.#end(thread, 'deadline');
    });
    port1.on('close', () => this.#frontEnds.delete(port1));
    const threads = Array.from(this.#live, (thread) => thread.connect());
    const { name, version } = this.#artifact;
    const message: HandlerSource = {
      model: { name, version },
      concurrency: this.#options.concurrency,
      control: port2,
      threads,
      waiting: this.#waiting,
      timing: { hearMs: this.#timing.hearMs, endMs: this.#timing.endMs },
    };
    return { runtime: 'handler', message, transfer: [port2, ...threads.map(({ port }) => port)] };
  }

  /** When the oldest call that is under way began. */
  runningSince(): number | undefined {
    const begun = Array.from(this.#live, (thread) => thread.runningSince()).filter((since) => since !== 0);
    return begun.length === 0 ? undefined : Math.min(...begun);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosing = true;
    for (const pause of this.#pauses) pause[Symbol.dispose]();
    this.#tell({ type: 'closing' });
    await Promise.all(Array.from(this.#all, (thread) => thread.terminate()));
    for (const port of this.#frontEnds) port.close();
  }

  async #startOne(): Promise<HandlerDescription> {
    const { name, version } = this.#artifact;
    const startedMs = systemClock.now();
    const thread = new HandlerThread(this.#artifact, this.#options, this.#waiting, this.#sources);
    this.#all.add(thread);
    // Whatever ends it comes here, once: an end that was decided, or one that just happened.
    void thread.ended.then(({ cause, error }) => {
      this.#all.delete(thread);
      if (this.#isClosing || !this.#live.has(thread)) return;
      this.#report(cause, error);
      this.#end(thread, cause, systemClock.now() - startedMs);
    });
    try {
      const { description, sources } = await thread.ready(this.#timing.setupMs);
      if (this.#isClosing) throw new ServeryError('SHUTTING_DOWN', `Handler ${name}/${version} is unloading`);
      this.#sources = sources;
      this.#live.add(thread);
      this.#announce(thread);
      return description;
    } catch (error) {
      await thread.terminate();
      throw error;
    }
  }

  #announce(thread: HandlerThread): void {
    for (const port of this.#frontEnds) {
      const link: ThreadLink = thread.connect();
      this.#send(port, { type: 'thread', link }, [link.port]);
    }
  }

  #end(thread: HandlerThread, cause: EndOfThread, livedMs = Infinity): void {
    this.#live.delete(thread);
    this.#tell({ type: 'gone', thread: thread.id });
    void thread.terminate();
    const { name, version } = this.#artifact;
    handlerRestarted.publish({ model: { name, version }, cause });
    if (cause === 'deadline') this.#report(cause, undefined);
    this.#replace(cause, livedMs);
  }

  #replace(cause: EndOfThread, livedMs: number): void {
    const { failures, delayMs } = afterEnd(cause, livedMs, this.#failures);
    this.#failures = failures;
    if (delayMs > 0 && this.#live.size === 0) this.#tell({ type: 'resting', restMs: delayMs });
    const pause = systemClock.after(delayMs, () => {
      this.#pauses.delete(pause);
      this.#startOne().catch((error: unknown) => {
        if (this.#isClosing) return;
        this.#report('exit', error);
        this.#replace('exit', 0);
      });
    });
    this.#pauses.add(pause);
  }

  #report(cause: EndOfThread, error: unknown): void {
    const { name, version } = this.#artifact;
    const why = {
      deadline: 'did not end a call at its deadline',
      memory: `needs more than runtime.memoryMb (${this.#options.memoryMb})`,
      exit: 'ended by itself',
    }[cause];
    notice.publish({
      level: 'error',
      model: { name, version },
      message: `A thread of the handler ${why}; it is replaced`,
      error,
    });
  }

  #tell(message: ToFrontEnd): void {
    for (const port of this.#frontEnds) this.#send(port, message);
  }

  #send(port: MessagePort, message: ToFrontEnd, transfer: readonly Transferable[] = []): void {
    port.postMessage(message, transfer);
  }
}
