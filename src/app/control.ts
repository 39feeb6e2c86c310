/**
 * The control side without front ends: repository, runtimes, models. The same for a server, for embedding
 * and for commands that only look.
 */
import type { ModelConfigInput } from '../models/model-options.ts';
import { Models } from '../models/models.ts';
import { probe } from '../models/probe.ts';
import { FolderRepository } from '../repository/folder-repository.ts';
import { createHandlerRuntime } from '../runtime/handler/handler-runtime.ts';
import { createOnnxRuntime } from '../runtime/onnx/onnx-runtime.ts';

export interface ControlOptions {
  readonly modelsFolder: string;
  readonly stateFolder: string;
  readonly models: Readonly<Record<string, ModelConfigInput>>;
  readonly stuckAfterMs: number;
}

export interface Control extends AsyncDisposable {
  readonly models: Models;
}

/** Opens everything, starts nothing. Disposing closes in reverse order: models before their runtimes. */
export function openControl({ modelsFolder, stateFolder, models: config, stuckAfterMs }: ControlOptions): Control {
  const opened = new AsyncDisposableStack();
  const repository = opened.use(new FolderRepository({ modelsFolder, stateFolder }));
  const runtimes = [opened.use(createOnnxRuntime()), opened.use(createHandlerRuntime())];
  const models = opened.use(new Models({ repository, runtimes, probe, config, stuckAfterMs }));
  return { models, [Symbol.asyncDispose]: () => opened.disposeAsync() };
}
