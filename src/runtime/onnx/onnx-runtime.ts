/**
 * Loads ONNX models.
 *
 * Each version has an executor thread, which reads the files, opens the session and tells what it found, so
 * the control thread never waits for a model. A version that runs inline on the front ends needs none: its
 * executor ends when the last runner of it is closed, and comes back when somebody connects again.
 */
import { MessageChannel } from 'node:worker_threads';
import type { ModelArtifact } from '../../core/model.ts';
import type { RuntimeOptions } from '../options.ts';
import type { LoadedModel, RunnerSource, Runtime } from '../runtime.ts';
import type { SessionOptions } from './binding.ts';
import { createExecutorThreads, type ExecutorThreads } from './executor-threads.ts';
import { startExecutor, type Executor } from './executor.ts';
import type { OnnxSource } from './messages.ts';

export interface OnnxRuntimeOptions {
  /** How long an executor may take to end before it is left alone. A run cannot be stopped. */
  readonly closeGraceMs?: number;
}

const CLOSE_GRACE_MS = 10_000;

export function createOnnxRuntime({ closeGraceMs = CLOSE_GRACE_MS }: OnnxRuntimeOptions = {}): Runtime &
  AsyncDisposable {
  // ONNX Runtime would tell Microsoft about models, and keep a database and a thread for that, unless its variable says
  // otherwise before it is loaded. Only the main thread's environment is that of the process.
  process.env['ORT_DISABLE_TELEMETRY'] ??= '1';
  const threads = createExecutorThreads();
  const loaded = new Set<LoadedModel>();
  return {
    format: 'onnx',
    async load(artifact, options) {
      const model = await loadModel(threads, artifact, sessionOptions(options), closeGraceMs, () =>
        loaded.delete(model),
      );
      loaded.add(model);
      return model;
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([...loaded].map((model) => model[Symbol.asyncDispose]()));
      await threads[Symbol.asyncDispose]();
    },
  };
}

/** `auto` begins with one thread; whether more are worth it is measured by the caller, who then asks for them. */
function sessionOptions({ intraOpThreads, graphOptimization, executionProviders }: RuntimeOptions): SessionOptions {
  return {
    intraOpNumThreads: intraOpThreads === 'auto' ? 1 : intraOpThreads,
    graphOptimizationLevel: graphOptimization,
    executionProviders,
  };
}

async function loadModel(
  threads: ExecutorThreads,
  artifact: ModelArtifact,
  options: SessionOptions,
  closeGraceMs: number,
  onDisposed: () => void,
): Promise<LoadedModel> {
  let runsInline = false;
  let executor: Executor | undefined = start();
  const ending = new Set<Promise<void>>();
  const first = executor;
  const { signature, facts, bytes } = await first.opened.catch(async (error: unknown) => {
    await first.close(closeGraceMs);
    throw error;
  });

  const connectInline = (inlineBytes: Uint8Array): RunnerSource => {
    runsInline = true;
    if (executor?.connections === 0) end();
    const message: OnnxSource = { kind: 'inline', bytes: inlineBytes, options, signature };
    return { runtime: 'onnx', message, transfer: [] };
  };
  const model: LoadedModel = {
    signature,
    facts,
    connect() {
      executor ??= start();
      const { port1, port2 } = new MessageChannel();
      executor.connect(port2);
      const message: OnnxSource = { kind: 'executor', port: port1, signature };
      return { runtime: 'onnx', message, transfer: [port1] };
    },
    ...(bytes === undefined ? {} : { connectInline: () => connectInline(bytes) }),
    runningSince: () => executor?.runningSince(),
    async [Symbol.asyncDispose]() {
      if (executor !== undefined) end();
      await Promise.all(ending);
      onDisposed();
    },
  };
  return model;

  function start(): Executor {
    const started = startExecutor(threads, artifact, options, () => {
      if (runsInline && executor === started) end();
    });
    // Whoever runs on an executor that could not start again is told so by its closed port.
    started.opened.catch(() => {});
    return started;
  }

  function end(): void {
    const closing = executor!.close(closeGraceMs);
    executor = undefined;
    ending.add(closing);
    void closing.then(() => ending.delete(closing));
  }
}
