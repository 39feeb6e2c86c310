/** Bounds how many versions load at once: each needs a core and memory for two copies of the model. */
export class LoadSlots {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(slots: number) {
    this.#free = slots;
  }

  /** Waits for a slot, which is given back when the result is disposed, once. */
  async take(): Promise<Disposable> {
    if (this.#free > 0) this.#free -= 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    let isTaken = true;
    const giveBack = () => {
      if (isTaken) this.#giveBack();
      isTaken = false;
    };
    return { [Symbol.dispose]: giveBack };
  }

  #giveBack(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free += 1;
    else next();
  }
}
