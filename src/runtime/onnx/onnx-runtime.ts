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
/** More would hardly be faster, and each has the weights once more. */
const MAX_INSTANCES = 4;
/** What the files of all instances may have together. */
const MAX_INSTANCES_BYTES = 128 * 1024 * 1024;

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
  let instances = 1;
  const executors: Executor[] = [start()];
  const ending = new Set<Promise<void>>();
  const given = new Int32Array(new SharedArrayBuffer(MAX_INSTANCES * Int32Array.BYTES_PER_ELEMENT));
  const first = executors[0]!;
  const { signature, facts, bytes, size } = await first.opened.catch(async (error: unknown) => {
    await first.close(closeGraceMs);
    throw error;
  });

  const connectInline = (inlineBytes: Uint8Array): RunnerSource => {
    runsInline = true;
    if (executors[0]?.connections === 0) end();
    const message: OnnxSource = { kind: 'inline', bytes: inlineBytes, options, signature };
    return { runtime: 'onnx', message, transfer: [] };
  };
  const model: LoadedModel = {
    signature,
    facts,
    connect() {
      while (executors.length < instances) executors.push(start());
      const ports = executors.map((executor) => {
        const { port1, port2 } = new MessageChannel();
        executor.connect(port2);
        return port1;
      });
      const message: OnnxSource = { kind: 'executor', ports, given, signature };
      return { runtime: 'onnx', message, transfer: ports };
    },
    ...(bytes === undefined ? {} : { connectInline: () => connectInline(bytes) }),
    async multiply(wanted) {
      const more = Math.min(wanted, MAX_INSTANCES, Math.floor(MAX_INSTANCES_BYTES / size)) - 1;
      const opened = Array.from({ length: more }, start);
      try {
        await Promise.all(opened.map((executor) => executor.opened));
      } catch (error) {
        await Promise.all(opened.map((executor) => executor.close(closeGraceMs)));
        throw error;
      }
      executors.push(...opened);
      instances = executors.length;
      return instances;
    },
    runningSince() {
      const since = executors.map((executor) => executor.runningSince() ?? Infinity);
      const earliest = Math.min(...since);
      return earliest === Infinity ? undefined : earliest;
    },
    async [Symbol.asyncDispose]() {
      end();
      await Promise.all(ending);
      onDisposed();
    },
  };
  return model;

  function start(): Executor {
    const started = startExecutor(threads, artifact, options, () => {
      if (runsInline && executors[0] === started) end();
    });
    // Whoever runs on an executor that could not start again is told so by its closed port.
    started.opened.catch(() => {});
    return started;
  }

  function end(): void {
    for (const executor of executors.splice(0)) {
      const closing = executor.close(closeGraceMs);
      ending.add(closing);
      void closing.then(() => ending.delete(closing));
    }
  }
}
