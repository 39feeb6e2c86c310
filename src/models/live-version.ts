/**
 * One live version in one front end: the runner that executes it and the batcher that feeds it.
 *
 * Many requests use it at once. It is closed when it has been retired *and* the last handle is gone, in
 * whichever order these happen, so no request sees its model disappear. The object is its own handle:
 * `using version = models.acquire(ref)` counts it up and down without an allocation.
 */
import { Batcher, type SubmitOptions } from '../batching/batcher.ts';
import type { ServeryError } from '../core/errors.ts';
import type { CheckedInputs } from '../core/signature.ts';
import type { Tensor } from '../core/tensor.ts';
import type { PredictRows, Runner } from '../runtime/runtime.ts';
import type { VersionDescriptor } from './snapshot.ts';

export class LiveVersion implements Disposable {
  readonly descriptor: VersionDescriptor;
  readonly #runner: Runner;
  readonly #batcher: Batcher;
  readonly #closed = Promise.withResolvers<void>();
  #handles = 0;
  #retired = false;

  /** Takes ownership of `runner`. */
  constructor(descriptor: VersionDescriptor, runner: Runner, predictRows: PredictRows) {
    this.descriptor = descriptor;
    this.#runner = runner;
    const { model, batching: options, batchable, minRows, queueCounters: counters, costs, signature } = descriptor;
    this.#batcher = new Batcher((parts, call) => runner.run(parts, { ...call, predictRows }), {
      model,
      options,
      batched: signature.batched,
      batchable,
      minRows,
      counters,
      costs,
      concurrency: () => runner.concurrency,
    });
  }

  /** Queues one request; see `Batcher.submit`. */
  submit(inputs: CheckedInputs, options: SubmitOptions): Promise<readonly Tensor[]> {
    return this.#batcher.submit(inputs, options);
  }

  /** See `Batcher.refusalNow`. */
  refusalNow(): ServeryError | undefined {
    return this.#batcher.refusalNow();
  }

  acquire(): this {
    this.#handles += 1;
    return this;
  }

  [Symbol.dispose](): void {
    this.#handles -= 1;
    this.#closeIfIdle();
  }

  /** Resolves when the last handle is gone and the runner is closed. */
  retire(): Promise<void> {
    this.#retired = true;
    this.#closeIfIdle();
    return this.#closed.promise;
  }

  #closeIfIdle(): void {
    if (this.#retired && this.#handles === 0) this.#closed.resolve(this.#close());
  }

  async #close(): Promise<void> {
    await this.#batcher[Symbol.asyncDispose]();
    await this.#runner[Symbol.asyncDispose]();
  }
}
