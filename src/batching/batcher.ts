/**
 * Groups concurrent requests for one model version into batches, in one front-end thread.
 *
 * Owns the queue and nothing else: it is given a function that runs a batch, and which requests make a
 * batch is decided in batch-policy.ts. `#pump` is the only place where a batch can start.
 */
import type { CancelSignal } from '../core/cancel-signal.ts';
import type { ChunkSink } from '../core/chunk.ts';
import { systemClock, type Clock } from '../core/clock.ts';
import { ServeryError } from '../core/errors.ts';
import { batchRun, rejection, type DispatchReason } from '../core/events.ts';
import type { ModelVersion } from '../core/model.ts';
import type { CheckedInputs } from '../core/signature.ts';
import { sliceRows, type Tensor } from '../core/tensor.ts';
import { checkRowCounts, concatenate, RowCountError } from './batch-outputs.ts';
import { nextBatch } from './batch-policy.ts';
import { Run, type Parameters, type Waiting } from './batch-run.ts';
import { CostModel } from './cost-model.ts';
import { Deadlines } from './deadlines.ts';
import type { BatchingOptions } from './options.ts';
import { QueueLimit } from './queue-limit.ts';
import { SharedQueue } from './shared-queue.ts';

export interface SubmitOptions {
  /** Instant at which the caller has its answer or `DEADLINE_EXCEEDED`. */
  readonly deadline?: number | undefined;
  /** Like `deadline`, while it waits in the queue. */
  readonly queueDeadline?: number | undefined;
  readonly signal?: CancelSignal | undefined;
  readonly parameters?: Parameters | undefined;
  /** Takes the answer bit by bit: then the request never shares a run, and is one row. */
  readonly sink?: ChunkSink | undefined;
  /** Wants explanations in place of outputs. */
  readonly explains?: boolean | undefined;
}

/** What a batch is run with. */
export interface BatchCall {
  /** Rows to compute, padding included. */
  readonly rows: number;
  /** When the last of its callers gives up; undefined when one of them never does. */
  readonly deadline: number | undefined;
  readonly parameters: Parameters | undefined;
  readonly sink: ChunkSink | undefined;
  readonly explains: boolean;
  /** Aborts when the last of its callers has given up. */
  readonly signal: CancelSignal;
}

export type RunBatch = (
  parts: readonly (readonly Tensor[])[],
  call: BatchCall,
) => Promise<{ readonly outputs: readonly Tensor[]; readonly computeMs: number }>;

export interface BatcherSettings {
  readonly model: ModelVersion;
  readonly options: BatchingOptions;
  /** Axis 0 of the outputs counts rows. False: a request is one call, its outputs are returned as they are. */
  readonly batched: boolean;
  /** False: requests never share a run and are never padded. */
  readonly batchable: boolean;
  /** Rows a run needs at least; smaller ones are padded. */
  readonly minRows: number;
  readonly counters: SharedArrayBuffer;
  readonly costs: readonly { readonly rows: number; readonly runMs: number }[];
  /** Runs that may be under way at once. Asked before each, as it may change. */
  readonly concurrency: () => number;
}

export class Batcher implements AsyncDisposable {
  readonly #run: RunBatch;
  readonly #settings: BatcherSettings;
  readonly #clock: Clock;
  readonly #queue: SharedQueue;
  readonly #limit: QueueLimit;
  readonly #costs: CostModel;
  readonly #estimate: (rows: number) => number;
  /** Waiting requests by what may be stacked, oldest first. Nearly always there is one group. */
  readonly #groups = new Map<string, Waiting[]>();
  readonly #deadlines: Deadlines;
  readonly #running = new Set<Promise<void>>();
  #pumpIsDue = false;
  /** In the last turn of the event loop that had requests, there was one. */
  #comesAlone = false;
  #closing = false;

  constructor(run: RunBatch, settings: BatcherSettings, clock: Clock = systemClock) {
    this.#run = run;
    this.#settings = settings;
    this.#clock = clock;
    this.#queue = new SharedQueue(settings.counters);
    this.#costs = new CostModel(settings.costs);
    this.#estimate = (rows) => this.#costs.estimate(rows);
    this.#limit = new QueueLimit(settings.options, this.#estimate, settings.concurrency, clock);
    this.#deadlines = new Deadlines(clock, (waiting, reason) => this.#giveUp(waiting, reason));
  }

  /**
   * Queues one request and resolves with its own rows of the outputs.
   *
   * @throws {ServeryError} `QUEUE_FULL` at once, when more would wait than may; see queue-limit.ts
   * @throws {ServeryError} `DEADLINE_EXCEEDED`, `CANCELLED`, `SHUTTING_DOWN`, and what the run throws
   */
  submit(inputs: CheckedInputs, options: SubmitOptions): Promise<readonly Tensor[]> {
    const { rows } = inputs;
    const { maxRows } = this.#settings.options;
    if (this.#closing) {
      const problem = 'Cannot queue the request: the version is unloading';
      return Promise.reject(this.#refusal('SHUTTING_DOWN', problem, 1000));
    }
    if (!this.#queue.tryEnter(rows, this.#limit.rows)) return Promise.reject(this.#full(`${rows} rows`));
    if (rows <= maxRows || !this.#settings.batchable) return this.#enqueue(inputs.tensors, rows, inputs, options);
    return this.#enqueueInChunks(inputs, options);
  }

  /**
   * Why not even one more row could be queued now; counted as a refusal. Whoever asks first need not read what would
   * be refused: far above capacity, reading is all that a server would do.
   */
  refusalNow(): ServeryError | undefined {
    return this.#queue.queuedRows < this.#limit.rows ? undefined : this.#full('a request');
  }

  /** Refuses new requests, runs those that wait, and returns when the last batch is done. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing = true;
    this.#pump();
    while (this.#running.size > 0) await Promise.all(this.#running);
    this.#deadlines[Symbol.dispose]();
  }

  #full(what: string): ServeryError {
    const { maxRows } = this.#settings.options;
    const limit = this.#limit.rows;
    this.#limit.refused();
    const waiting = Math.max(0, this.#queue.queuedRows);
    const retryAfterMs = Math.max(1, this.#estimate(maxRows) * Math.ceil(waiting / maxRows));
    const problem = `Exceeds maximum queue size, ${waiting} of ${limit} rows wait`;
    return this.#refusal('QUEUE_FULL', `Cannot queue ${what}: ${problem}`, retryAfterMs);
  }

  #refusal(code: 'SHUTTING_DOWN' | 'QUEUE_FULL', message: string, retryAfterMs: number): ServeryError {
    rejection.publish({ model: this.#settings.model, code });
    return new ServeryError(code, message, { retryAfterMs });
  }

  #enqueue(
    tensors: readonly Tensor[],
    rows: number,
    { stackKey }: CheckedInputs,
    { deadline = Infinity, queueDeadline = Infinity, signal, parameters, sink, explains = false }: SubmitOptions,
  ): Promise<readonly Tensor[]> {
    return new Promise((resolve, reject) => {
      const key = explains ? `explain ${stackKey}` : stackKey;
      const group = parameters === undefined ? key : `${key}${textOf(parameters)}`;
      const since = this.#clock.now();
      // prettier-ignore
      const waiting: Waiting = {
        inputs: tensors, rows, since, deadline, queueDeadline, group, parameters, sink, explains, resolve, reject,
        run: undefined, settled: false,
      };
      this.#deadlines.watch(waiting);
      signal?.addEventListener(
        'abort',
        () => this.#giveUp(waiting, new ServeryError('CANCELLED', 'The client closed the request')),
        { once: true },
      );
      const queue = this.#groups.get(group);
      if (queue === undefined) this.#groups.set(group, [waiting]);
      else queue.push(waiting);
      this.#pumpSoon();
    });
  }

  /**
   * A request larger than a batch: as many full batches as it needs, answered as one. Only so many of its chunks wait
   * at once that every run finds one, and the next come in later turns of the event loop: others get theirs in
   * between, and a request of a million rows can be given up in no time.
   */
  async #enqueueInChunks(inputs: CheckedInputs, options: SubmitOptions): Promise<readonly Tensor[]> {
    const { maxRows } = this.#settings.options;
    const answers = new Array<readonly Tensor[]>(Math.ceil(inputs.rows / maxRows));
    const atOnce = Math.max(MIN_CHUNKS_AT_ONCE, 2 * this.#settings.concurrency());
    const lanes = Array.from({ length: Math.min(answers.length, atOnce) }, () => new Lane());
    options.signal?.addEventListener('abort', () => lanes.forEach((lane) => lane.abort()), { once: true });
    let next = 0;
    let unqueuedRows = inputs.rows;
    const fill = async (lane: Lane): Promise<void> => {
      while (next < answers.length) {
        const at = next;
        next += 1;
        const from = at * maxRows;
        const to = Math.min(inputs.rows, from + maxRows);
        unqueuedRows -= to - from;
        const tensors = inputs.tensors.map((tensor) => sliceRows(tensor, from, to));
        answers[at] = await this.#enqueue(tensors, to - from, inputs, { ...options, signal: lane });
        if (next < answers.length) await new Promise(setImmediate);
      }
    };
    try {
      await Promise.all(lanes.map(fill));
    } finally {
      // After a failure nobody needs the rest.
      next = answers.length;
      if (unqueuedRows > 0) this.#queue.leave(unqueuedRows);
    }
    return concatenate(answers);
  }

  // One pump for all requests that arrive in a turn of the event loop: they become one batch, which makes
  // 1.8 times the requests per second of a run for each. It is not a wait: nothing else happens in between.
  // Where requests come one by one, the first of a turn does not even wait for the turn to end.
  #pumpSoon(): void {
    if (this.#pumpIsDue || this.#running.size >= this.#settings.concurrency()) return;
    this.#pumpIsDue = true;
    const wasAlone = this.#comesAlone;
    setImmediate(() => {
      this.#pumpIsDue = false;
      const [queue] = this.#groups.values();
      this.#comesAlone = wasAlone ? queue === undefined : queue?.length === 1 && this.#groups.size === 1;
      this.#pump();
    });
    if (wasAlone) this.#pump();
  }

  #pump(): void {
    while (this.#groups.size > 0 && this.#running.size < this.#settings.concurrency()) {
      const group = this.#oldestGroup();
      const queue = this.#groups.get(group)!;
      const now = this.#clock.now();
      const { options, batchable } = this.#settings;
      const decision = batchable
        ? nextBatch(queue, now, options, this.#estimate)
        : { take: 1, rows: queue[0]!.rows, reason: 'idle' as const };
      const batch = decision.take === queue.length ? queue : queue.splice(0, decision.take);
      if (batch === queue) this.#groups.delete(group);
      this.#queue.leave(decision.rows);
      const run = this.#runBatch(batch, decision.rows, decision.reason, now).finally(() => {
        this.#running.delete(run);
        if (this.#closing) this.#pump();
        else if (this.#hasFullBatch()) this.#pump();
        else if (this.#groups.size > 0) this.#pumpSoon();
      });
      this.#running.add(run);
    }
  }

  /** Company cannot make it larger; and in an overload a turn is long, as all that is refused is refused in it. */
  #hasFullBatch(): boolean {
    let rows = 0;
    for (const waiting of this.#groups.get(this.#oldestGroup()) ?? []) {
      rows += waiting.rows;
      if (rows >= this.#settings.options.maxRows) return true;
    }
    return false;
  }

  #oldestGroup(): string {
    let oldest = '';
    let since = Infinity;
    for (const [group, queue] of this.#groups) {
      if (queue[0]!.since < since) {
        since = queue[0]!.since;
        oldest = group;
      }
    }
    return oldest;
  }

  async #runBatch(batch: readonly Waiting[], rows: number, reason: DispatchReason, start: number): Promise<void> {
    const { minRows, batchable, model, batched } = this.#settings;
    const runRows = batchable ? Math.max(rows, minRows) : rows;
    let deadline = 0;
    let queuedMs = 0;
    const run = new Run(batch);
    for (const waiting of batch) {
      waiting.run = run;
      queuedMs += start - waiting.since;
      if (waiting.deadline > deadline) deadline = waiting.deadline;
    }
    const call: BatchCall = {
      rows: runRows,
      deadline: deadline === Infinity ? undefined : deadline,
      parameters: batch[0]!.parameters,
      sink: batch[0]!.sink,
      explains: batch[0]!.explains,
      signal: run,
    };
    const parts = batch.map((waiting) => waiting.inputs);
    let failure: unknown;
    let computeMs = 0;
    try {
      const result = await this.#run(parts, call);
      computeMs = result.computeMs;
      if (batched) checkRowCounts(result.outputs, runRows, model);
      this.#deliver(batch, result.outputs, runRows);
    } catch (error) {
      failure = error;
    }
    const runMs = this.#clock.now() - start;
    const failed = failure !== undefined;
    // What the model took, and not until when this thread was free to notice: in an overload that says nothing of it.
    // How long a stream takes is up to whoever takes it, and an explanation costs what it costs.
    if (!failed && call.sink === undefined && !call.explains) this.#costs.observe(runRows, computeMs);
    if (batchRun.hasSubscribers) {
      const paddedRows = runRows - rows;
      const { explains } = call;
      // prettier-ignore
      batchRun.publish({ model, requests: batch.length, rows, paddedRows, reason, queuedMs, runMs, computeMs, explains, failed });
    }
    if (failed) await this.#recover(batch, failure, reason);
  }

  /** One bad request must not cost its neighbours their answers: halve a failed batch until it stands alone. */
  async #recover(batch: readonly Waiting[], failure: unknown, reason: DispatchReason): Promise<void> {
    const alive = batch.filter((waiting) => !waiting.settled);
    const mayBeOneRow = failure instanceof ServeryError && BISECTABLE.has(failure.code);
    if (alive.length <= 1 || !mayBeOneRow || failure instanceof RowCountError) {
      for (const waiting of alive) this.#settle(waiting).reject(asServeryError(failure));
      return;
    }
    const middle = alive.length >> 1;
    for (const half of [alive.slice(0, middle), alive.slice(middle)]) {
      const rows = half.reduce((sum, waiting) => sum + waiting.rows, 0);
      await this.#runBatch(half, rows, reason, this.#clock.now());
    }
  }

  #deliver(batch: readonly Waiting[], outputs: readonly Tensor[], runRows: number): void {
    const lone = batch.length === 1 ? batch[0]! : undefined;
    // A lone request is passed through: under light load, batching must cost nothing.
    if (lone !== undefined && (!this.#settings.batched || lone.rows === runRows)) {
      if (!lone.settled) this.#settle(lone).resolve(outputs);
      return;
    }
    let from = 0;
    for (const waiting of batch) {
      const to = from + waiting.rows;
      if (!waiting.settled) {
        const own: Tensor[] = [];
        for (const output of outputs) own.push(sliceRows(output, from, to));
        this.#settle(waiting).resolve(own);
      }
      from = to;
    }
  }

  #settle(waiting: Waiting): Waiting {
    waiting.settled = true;
    this.#deadlines.forget(waiting);
    return waiting;
  }

  /** Answers a request before its run does; if it still waits, its place is free at once. */
  #giveUp(waiting: Waiting, reason: ServeryError): void {
    if (waiting.settled) return;
    const { run } = waiting;
    if (run === undefined) {
      const queue = this.#groups.get(waiting.group)!;
      if (queue.length === 1) this.#groups.delete(waiting.group);
      else queue.splice(queue.indexOf(waiting), 1);
      this.#queue.leave(waiting.rows);
      rejection.publish({ model: this.#settings.model, code: reason.code });
    }
    this.#settle(waiting).reject(reason);
    run?.abortIfAbandoned();
  }
}

const MIN_CHUNKS_AT_ONCE = 16;

/** Where one chunk after the other of a large request goes; the present one hears that nobody waits any more. */
class Lane implements CancelSignal {
  aborted = false;
  #listener: (() => void) | undefined;

  addEventListener(_: 'abort', listener: () => void): void {
    this.#listener = listener;
  }

  abort(): void {
    this.aborted = true;
    this.#listener?.();
  }
}

const BISECTABLE: ReadonlySet<string> = new Set(['MODEL_FAILED', 'HANDLER_FAILED', 'INVALID_INPUT']);

function asServeryError(failure: unknown): ServeryError {
  if (failure instanceof ServeryError) return failure;
  return new ServeryError('INTERNAL', 'The run failed', { cause: failure });
}

function textOf(parameters: Parameters): string {
  return JSON.stringify(Object.entries(parameters).sort(), (_, value: unknown) =>
    typeof value === 'bigint' ? `${value}n` : value,
  );
}
