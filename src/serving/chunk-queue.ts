/** The chunks of one call between whoever makes them and whoever takes them. */
import type { Chunk, ChunkSink } from '../core/chunk.ts';
import type { Tensor } from '../core/tensor.ts';

type End = { readonly outputs: readonly Tensor[] } | { readonly failure: unknown };

export class ChunkQueue implements ChunkSink {
  readonly #waiting: { readonly chunk: Chunk; readonly taken: () => void }[] = [];
  #end: End | undefined;
  #wake = (): void => {};

  push(chunk: Chunk, taken: () => void): void {
    if (this.#end !== undefined) return;
    this.#waiting.push({ chunk, taken });
    this.#wake();
  }

  /** No chunk comes any more; what came before is still taken. The first end counts. */
  end(end: End): void {
    this.#end ??= end;
    this.#wake();
  }

  /**
   * The next chunk and what to call when it was used, or the outputs after the last one.
   *
   * @throws what the call failed with
   */
  async next(): Promise<
    { readonly chunk: Chunk; readonly taken: () => void } | { readonly outputs: readonly Tensor[] }
  > {
    for (;;) {
      const first = this.#waiting.shift();
      if (first !== undefined) return first;
      if (this.#end !== undefined) {
        if ('outputs' in this.#end) return this.#end;
        throw this.#end.failure;
      }
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      await promise;
    }
  }
}
