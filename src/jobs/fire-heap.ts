/** Which job fires next, among very many: a binary heap of instants. */
interface Entry {
  readonly atMs: number;
  readonly job: string;
}

export class FireHeap {
  /** What counts; entries of the heap that differ from it are left over from before a change. */
  readonly #fireAt = new Map<string, number>();
  readonly #entries: Entry[] = [];

  /** @param atMs undefined: it does not fire any more */
  set(job: string, atMs: number | undefined): void {
    if (this.#fireAt.get(job) === atMs) return;
    if (atMs === undefined) this.#fireAt.delete(job);
    else {
      this.#fireAt.set(job, atMs);
      this.#push({ atMs, job });
    }
  }

  clear(): void {
    this.#fireAt.clear();
    this.#entries.length = 0;
  }

  /** The next instant at which a job fires. */
  get nextMs(): number | undefined {
    for (let top = this.#entries[0]; top !== undefined; top = this.#entries[0]) {
      if (this.#fireAt.get(top.job) === top.atMs) return top.atMs;
      this.#pop();
    }
    return undefined;
  }

  /** Takes jobs that fire by `nowMs`, the earliest first, at most `count`. */
  takeDue(nowMs: number, count: number): string[] {
    const due: string[] = [];
    for (let next = this.nextMs; next !== undefined && next <= nowMs && due.length < count; next = this.nextMs) {
      const { job } = this.#pop();
      this.#fireAt.delete(job);
      due.push(job);
    }
    return due;
  }

  #push(entry: Entry): void {
    const entries = this.#entries;
    let index = entries.length;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (entries[parent]!.atMs <= entry.atMs) break;
      entries[index] = entries[parent]!;
      index = parent;
    }
    entries[index] = entry;
  }

  #pop(): Entry {
    const entries = this.#entries;
    const top = entries[0]!;
    const last = entries.pop()!;
    if (entries.length === 0) return top;
    let index = 0;
    for (let child = 1; child < entries.length; child = 2 * index + 1) {
      const right = child + 1;
      if (right < entries.length && entries[right]!.atMs < entries[child]!.atMs) child = right;
      if (entries[child]!.atMs >= last.atMs) break;
      entries[index] = entries[child]!;
      index = child;
    }
    entries[index] = last;
    return top;
  }
}
