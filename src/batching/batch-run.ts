/** A request in a batcher, and the batch it becomes a part of. */
import type { ChunkSink } from '../core/chunk.ts';
import type { CancelSignal } from '../core/cancel-signal.ts';
import type { ServeryError } from '../core/errors.ts';
import type { Tensor } from '../core/tensor.ts';

/** Parameters are compared by their JSON text: only requests with equal ones may share a call. */
export type Parameters = Readonly<Record<string, string | number | boolean | bigint>>;

export interface Waiting {
  readonly inputs: readonly Tensor[];
  readonly rows: number;
  readonly since: number;
  /** Infinity for none. */
  readonly deadline: number;
  readonly queueDeadline: number;
  readonly group: string;
  readonly parameters: Parameters | undefined;
  readonly sink: ChunkSink | undefined;
  /** It wants explanations in place of outputs: only with others that do may it share a call. */
  readonly explains: boolean;
  readonly resolve: (outputs: readonly Tensor[]) => void;
  readonly reject: (reason: ServeryError) => void;
  /** The run for which it left the queue. */
  run: Run | undefined;
  /** Set when it has its answer, by whatever came first. */
  settled: boolean;
}

/** A batch under way, and the signal that nobody waits for it any more. */
export class Run implements CancelSignal {
  readonly batch: readonly Waiting[];
  aborted = false;
  #listeners: (() => void)[] | undefined;

  constructor(batch: readonly Waiting[]) {
    this.batch = batch;
  }

  addEventListener(_: 'abort', listener: () => void): void {
    (this.#listeners ??= []).push(listener);
  }

  abortIfAbandoned(): void {
    if (this.aborted || !this.batch.every(({ settled }) => settled)) return;
    this.aborted = true;
    for (const listener of this.#listeners ?? []) listener();
  }
}
