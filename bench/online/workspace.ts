/** A workspace with copies of the bench's models, in a temporary folder. */
import { cp, mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MODELS } from './cases.ts';

export interface BenchWorkspace extends AsyncDisposable {
  readonly folder: string;
}

/** @param names models to copy; each must be there, or its script is named */
export async function makeWorkspace(names: Iterable<string>): Promise<BenchWorkspace> {
  const folder = await mkdtemp(join(tmpdir(), 'servery-bench-'));
  for (const name of new Set(names)) {
    const model = MODELS.find((candidate) => candidate.name === name)!;
    const isThere = await stat(join(model.folder, '1', 'model.onnx')).catch(() => undefined);
    if (isThere === undefined) {
      throw new Error(`Model ${name} is not there: run \`uv run bench/models/make_models.py\``);
    }
    await cp(model.folder, join(folder, 'models', name), { recursive: true });
  }
  return { folder, [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }) };
}
