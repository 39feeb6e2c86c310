/**
 * A handler's thread: loads the module, runs its `setup`, then answers the calls of the front ends.
 *
 * A front end takes a place in this thread before it sends a call, so nothing waits here; how many calls may
 * be under way is decided where they come from. ONNX Runtime is never loaded: other models are asked by
 * message, through the front end that called.
 */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { inspect } from 'node:util';
import { parentPort, workerData, type MessagePort } from 'node:worker_threads';
import { systemClock } from '../../core/clock.ts';
import { ServeryError, fromWireError, toWireError } from '../../core/errors.ts';
import type { Tensor, TensorData } from '../../core/tensor.ts';
import type { HandlerLog } from '../define-handler.ts';
import { installWorkspaceModules } from '../workspace-modules.ts';
import { CallContext, deadlinePassed, type ThreadContext } from './call-context.ts';
import { ChunkWindow } from './chunk-window.ts';
import { explainFailure } from './explain-failure.ts';
import type { Call, ConnectThread, FromCall, FromThread, SourceFile, ThreadStart, ToThread } from './messages.ts';
import { readHandler, type ReadHandler, type StreamedRun } from './read-handler.ts';
import { keepSources } from './workspace-sources.ts';

const control = parentPort!;
const { model, folder, file, counters, sources } = workerData as ThreadStart;
const busy = new Int32Array(counters.busy);
const since = new BigInt64Array(counters.since);
const waiting = new Int32Array(counters.waiting);

const ports = new Set<MessagePort>();
/** When each call under way began, oldest first. */
const begun = new Map<CallContext, number>();

const tell = (message: FromThread) => control.postMessage(message);
const write = (level: 'info' | 'warn' | 'error') => (message: string) =>
  tell({ type: 'log', level, message: typeof message === 'string' ? message : inspect(message) });
const log: HandlerLog = { info: write('info'), warn: write('warn'), error: write('error') };

// Of no use to whoever wrote the handler: a workspace needs no package.json.
process.removeAllListeners('warning');
process.on('warning', (warning: Error & { code?: string }) => {
  if (warning.code !== 'MODULE_TYPELESS_PACKAGE_JSON') log.warn(`${warning.name}: ${warning.message}`);
});

void start();

async function start(): Promise<void> {
  // A listener from the beginning: it holds the thread while a setup waits for something that does not.
  let handler: ReadHandler | undefined;
  let state: unknown;
  control.on('message', ({ port }: ConnectThread) => {
    if (handler !== undefined) answerCalls(port, handler, { version: model.version, state, log });
  });
  installWorkspaceModules();
  const kept = new Map<string, SourceFile>(sources);
  keepSources(kept);
  try {
    const module = (await import(pathToFileURL(join(folder, file)).href)) as Record<string, unknown>;
    handler = await readHandler(module);
    state = await handler.setup({ version: model.version, log });
  } catch (error) {
    const stack = error instanceof Error ? error.stack : undefined;
    const hint = error instanceof ServeryError ? error.hint : undefined;
    const lastRead = [...kept.keys()].at(-1);
    tell({ type: 'invalid', reason: explainFailure(error, folder, lastRead), hint, stack });
    return;
  }
  tell({ type: 'ready', description: handler.description, sources: kept });
}

function answerCalls(port: MessagePort, handler: ReadHandler, thread: ThreadContext): void {
  const calls = new Map<number, CallContext>();
  const windows = new Map<number, ChunkWindow>();
  const asked = new Map<
    number,
    { readonly resolve: (rows: readonly unknown[]) => void; readonly reject: (reason: Error) => void }
  >();
  let lastAsk = 0;
  const reply = (message: FromCall, transfer: ArrayBuffer[] = []) => port.postMessage(message, transfer);

  const run = async ({ id, rows, tensors, parameters, wants }: Call): Promise<void> => {
    const context: CallContext = new CallContext(thread, parameters, (name, others) => {
      if (context.cancelled !== undefined) return Promise.reject(context.cancelled);
      return new Promise((resolve, reject) => {
        const ask = (lastAsk += 1);
        reply({ type: 'ask', id, ask, model: name, rows: others }); // throws when a row cannot be cloned
        asked.set(ask, { resolve, reject });
      });
    });
    calls.set(id, context);
    begin(context);
    const startMs = performance.now();
    let message: FromCall;
    const transfer: ArrayBuffer[] = [];
    try {
      const outputs =
        wants === 'chunks'
          ? await sendChunks(id, handler.stream!(tensors, context), context)
          : await (wants === 'outputs' ? handler.run : handler.explain!)(tensors, rows, context);
      for (const { data } of outputs) transfer.push(...buffersOf(data));
      message = { type: 'result', id, outputs, computeMs: performance.now() - startMs };
    } catch (error) {
      message = { type: 'failed', id, error: toWireError(asServeryError(error)) };
    }
    calls.delete(id);
    windows.delete(id);
    end(context, port);
    reply(message, transfer);
  };

  /** Sends what comes, as fast as it is taken; gives what is left when nothing comes any more. */
  const sendChunks = async (id: number, chunks: StreamedRun, context: CallContext): Promise<readonly Tensor[]> => {
    const window = new ChunkWindow();
    windows.set(id, window);
    try {
      for (;;) {
        const { done, value } = await chunks.next();
        if (done === true) return value;
        if (context.cancelled !== undefined) throw context.cancelled;
        reply({ type: 'chunk', id, chunk: value }, value instanceof Uint8Array ? [value.buffer as ArrayBuffer] : []);
        await window.sent(context.signal);
        // It is alive: how long it takes is counted from its last chunk.
        begin(context);
      }
    } finally {
      await chunks.return([]);
    }
  };

  ports.add(port);
  port.on('message', (message: ToThread) => {
    switch (message.type) {
      case 'call':
        void run(message);
        break;
      case 'cancel':
        calls.get(message.id)?.cancel(fromWireError(message.reason));
        reply({ type: 'heard', id: message.id });
        break;
      case 'taken':
        windows.get(message.id)?.taken();
        break;
      case 'answer':
        asked.get(message.ask)?.resolve(message.rows);
        asked.delete(message.ask);
        break;
      case 'refusal':
        asked.get(message.ask)?.reject(fromWireError(message.error));
        asked.delete(message.ask);
    }
  });
  port.on('close', () => {
    ports.delete(port);
    for (const context of calls.values()) context.cancel(deadlinePassed());
    for (const { reject } of asked.values()) reject(deadlinePassed());
  });
}

function begin(context: CallContext): void {
  begun.delete(context);
  begun.set(context, systemClock.now());
  tellOldest();
}

function tellOldest(): void {
  const [oldest = 0] = begun.values();
  Atomics.store(since, 0, BigInt(Math.round(oldest)));
}

/** Gives the place back before the answer is sent: who reads the answer may take the place at once. */
function end(context: CallContext, port: MessagePort): void {
  begun.delete(context);
  tellOldest();
  Atomics.sub(busy, 0, 1);
  if (Atomics.load(waiting, 0) === 0) return;
  for (const other of ports) if (other !== port) other.postMessage({ type: 'free' } satisfies FromCall);
}

/** What the caller may know. Errors that a handler throws on purpose keep their words; all others are for the log. */
function asServeryError(error: unknown): ServeryError {
  if (error instanceof ServeryError) {
    if (error.code === 'HANDLER_FAILED') log.error(inspect(error));
    return error;
  }
  log.error(`The handler threw ${inspect(error)}`);
  return new ServeryError('HANDLER_FAILED', 'The handler failed');
}

function* buffersOf(data: TensorData): Generator<ArrayBuffer> {
  if (ArrayBuffer.isView(data)) yield data.buffer as ArrayBuffer;
  else {
    for (const element of data as readonly unknown[]) {
      if (element instanceof Uint8Array) yield element.buffer as ArrayBuffer;
    }
  }
}
