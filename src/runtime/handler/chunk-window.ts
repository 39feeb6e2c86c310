/** How many chunks of a call may be on the way to whoever takes them: a slow client makes the handler wait. */
const CHUNKS_ON_THE_WAY = 8;

export class ChunkWindow {
  #onTheWay = 0;
  #wake = (): void => {};

  /** Resolves when another chunk may be sent, or nobody waits for it any more. */
  async sent(signal: AbortSignal): Promise<void> {
    this.#onTheWay += 1;
    if (this.#onTheWay < CHUNKS_ON_THE_WAY || signal.aborted) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    signal.addEventListener('abort', this.#wake, { once: true });
    await promise;
    signal.removeEventListener('abort', this.#wake);
  }

  taken(): void {
    this.#onTheWay -= 1;
    this.#wake();
  }
}
