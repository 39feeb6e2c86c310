/** Writes a handler's files into a folder without `node_modules`, loads it, and opens it as front ends do. */
import assert from 'node:assert/strict';
import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { notice, handlerRestarted, type HandlerRestarted, type Notice } from '../../../../src/core/events.ts';
import type { BytesElement, Tensor } from '../../../../src/core/tensor.ts';
import { createHandlerRuntime } from '../../../../src/runtime/handler/handler-runtime.ts';
import type { HandlerTiming } from '../../../../src/runtime/handler/handler-threads.ts';
import { openHandlerRunner } from '../../../../src/runtime/handler/open-handler-runner.ts';
import { runtimeOptions, type RuntimeOptions } from '../../../../src/runtime/options.ts';
import type { LoadedModel, RunCall, Runner } from '../../../../src/runtime/runtime.ts';

export interface OpenHandler extends AsyncDisposable {
  readonly folder: string;
  readonly model: LoadedModel;
  readonly runner: Runner;
  readonly notices: readonly Notice[];
  readonly restarts: readonly HandlerRestarted[];
  /** Opens one more front end. */
  connect(): Promise<Runner>;
  /** Runs rows of input `x`, FP32, and gives the values of the first output. */
  run(x: readonly number[], call?: Partial<RunCall>): Promise<unknown[]>;
}

export interface OpenHandlerSettings {
  readonly name?: string;
  readonly file?: string;
  readonly files?: Readonly<Record<string, string>>;
  readonly options?: Partial<RuntimeOptions>;
  readonly timing?: Partial<HandlerTiming>;
}

/** @param source the handler's file; most need only `predict`: see `onX` */
export async function openHandler(source: string, settings: OpenHandlerSettings = {}): Promise<OpenHandler> {
  const { name = 'subject', file = 'handler.ts', files = {}, options = {}, timing = {} } = settings;
  await using opened = new AsyncDisposableStack();
  const workspace = await mkdtemp(join(tmpdir(), 'servery-handler-'));
  opened.defer(() => rm(workspace, { recursive: true, force: true }));
  const folder = join(workspace, 'models', name, '1');
  await mkdir(folder, { recursive: true });
  for (const [path, text] of Object.entries({ ...files, [file]: source })) await writeFile(join(folder, path), text);
  const notices: Notice[] = [];
  const restarts: HandlerRestarted[] = [];
  opened.use(notice.subscribe((each) => notices.push(each)));
  opened.use(handlerRestarted.subscribe((each) => restarts.push(each)));
  const runtime = opened.use(createHandlerRuntime(timing));
  const model = opened.use(
    await runtime.load({ name, version: 1, format: 'handler', folder, file }, runtimeOptions.parse(options)),
  );
  const resources = opened.move();
  const connect = async () => resources.use(await openHandlerRunner(model.connect().message));
  const runner = await connect();
  return {
    ...{ folder, model, runner, notices, restarts, connect },
    run: async (x, call = {}) => runX(runner, x, call),
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

export async function runX(runner: Runner, x: readonly number[], call: Partial<RunCall> = {}): Promise<unknown[]> {
  const { outputs } = await runner.run([[floats(x)]], { rows: x.length, ...call });
  return Array.from(outputs[0]!.data as ArrayLike<unknown>);
}

/** The usual subject of a test: one FP32 in, one FP32 out. */
export function onX(rest: string, before = ''): string {
  return `import { defineHandler, ServeryError } from 'servery';
    ${before}
    export default defineHandler({
      signature: { inputs: { x: 'FP32' }, outputs: { y: 'FP32' } },
      ${rest}
    });`;
}

/** Waits until something that was caused has happened; fails loudly after ten seconds. */
export async function eventually(isTrue: () => boolean): Promise<void> {
  for (let i = 0; i < 1000 && !isTrue(); i += 1) await new Promise((resolve) => setTimeout(resolve, 10));
  assert.ok(isTrue(), String(isTrue));
}

export const floats = (values: readonly number[]): Tensor => ({
  datatype: 'FP32',
  shape: [values.length],
  data: Float32Array.from(values),
});

export const texts = (values: readonly BytesElement[]): Tensor => ({
  datatype: 'BYTES',
  shape: [values.length],
  data: values,
});
