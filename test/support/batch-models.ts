/** Batch models over a workspace of fixtures, and pieces of rows for them. */
import { cp, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Column } from '../../src/core/columns.ts';
import { createBatchModels } from '../../src/jobs/predict/batch-models.ts';
import { temporaryFolder } from './temporary-folder.ts';

const ROOT = new URL('../../', import.meta.url).pathname;

export interface BatchWorkspace extends AsyncDisposable {
  /** The workspace. */
  readonly path: string;
  /** Copies a version of a fixture or of the quickstart; `doubler`, `quickstart/iris`, `handlers/score`. */
  put(fixture: string, version?: number, as?: string): Promise<void>;
  write(path: string, content: string | Uint8Array): Promise<string>;
  models: ReturnType<typeof createBatchModels>;
}

export async function batchWorkspace(...fixtures: readonly string[]): Promise<BatchWorkspace> {
  const folder = await temporaryFolder();
  const { path } = folder;
  const modelsFolder = join(path, 'models');
  await mkdir(modelsFolder);
  // The runs that are given up here do end, and a process that ends before them is aborted by the runtime.
  const source = { modelsFolder, stateFolder: join(path, '.servery'), models: {} };
  const models = createBatchModels(source, { closeGraceMs: 60_000 });
  const workspace: BatchWorkspace = {
    path,
    models,
    async put(fixture, version, as) {
      const [kind, name] = fixture.includes('/') ? (fixture.split('/') as [string, string]) : ['models', fixture];
      const from = kind === 'quickstart' ? `examples/quickstart/models/${name}` : `test/fixtures/${kind}/${name}`;
      const to = join(modelsFolder, as ?? name);
      if (version === undefined) await cp(join(ROOT, from), to, { recursive: true });
      else await cp(join(ROOT, from, String(version)), join(to, String(version)), { recursive: true });
    },
    async write(name, content) {
      const file = join(path, name);
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, content);
      return file;
    },
    async [Symbol.asyncDispose]() {
      await models[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
  for (const fixture of fixtures) await workspace.put(fixture);
  return workspace;
}

/** A column of numbers or of anything else; `null` is no value. */
export function column(name: string, type: Column['type'], values: readonly unknown[]): Column {
  const nulls = Uint8Array.from(values, (value) => (value === null ? 1 : 0));
  const withNulls = nulls.includes(1) ? { nulls } : {};
  if (type === 'FP64') return { name, type, values: Float64Array.from(values, Number), ...withNulls };
  if (type === 'INT64') return { name, type, values: BigInt64Array.from(values as bigint[]), ...withNulls };
  return { name, type, values, ...withNulls };
}
