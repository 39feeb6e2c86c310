/**
 * The messages of a streaming call, from the transport that pushes to the method that pulls.
 *
 * A plain `for await` over the HTTP/2 stream could not be told to stop between two messages, which draining
 * needs, and would reset the stream when left.
 */
export class RequestQueue<T> implements AsyncIterable<T> {
  readonly #onWanted: () => void;
  readonly #waiting: T[] = [];
  #wake: (() => void) | undefined;
  #end: { readonly error: Error | undefined } | undefined;

  /** @param onWanted called when the queue is empty and the next message is asked for */
  constructor(onWanted: () => void) {
    this.#onWanted = onWanted;
  }

  push(message: T): void {
    if (this.#end !== undefined) return;
    this.#waiting.push(message);
    this.#wake?.();
  }

  /** No more messages; those that wait are still given, unless there is an error. The first end counts. */
  end(error?: Error): void {
    if (this.#end !== undefined) return;
    this.#end = { error };
    if (error !== undefined) this.#waiting.length = 0;
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    for (;;) {
      const message = this.#waiting.shift();
      if (message !== undefined) yield message;
      else if (this.#end?.error !== undefined) throw this.#end.error;
      else if (this.#end !== undefined) return;
      else await this.#next();
    }
  }

  #next(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    this.#onWanted();
    return promise;
  }
}
