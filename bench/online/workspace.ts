/** The bench's models, made when they are not there, and workspaces with copies of them in temporary folders. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pythonEnvironment } from '../../scripts/python-env.mjs';
import { modelOf } from './cases.ts';

export interface BenchWorkspace extends AsyncDisposable {
  readonly folder: string;
}

/** @param names models to copy; each must be there */
export async function makeWorkspace(names: Iterable<string>): Promise<BenchWorkspace> {
  const folder = await mkdtemp(join(tmpdir(), 'servery-bench-'));
  for (const name of names) await cp(modelOf(name).folder, join(folder, 'models', name), { recursive: true });
  return { folder, [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }) };
}

/** Makes the networks with random weights if one of them is asked for and is not there: once, a minute or two. */
export async function requireModels(names: readonly string[]): Promise<void> {
  if (names.every((name) => existsSync(join(modelOf(name).folder, '1', 'model.onnx')))) return;
  const script = new URL('../models/make_models.py', import.meta.url).pathname;
  const folder = await mkdtemp(join(tmpdir(), 'servery-bench-'));
  try {
    // The script names its own packages, as `uv run` reads them.
    const [, pinned = ''] = /^# dependencies = \[$(.*?)^# \]$/ms.exec(await readFile(script, 'utf8')) ?? [];
    const requirements = join(folder, 'requirements.txt');
    await writeFile(requirements, Array.from(pinned.matchAll(/"(.+?)"/g), ([, name]) => `${name}\n`).join(''));
    const python = await pythonEnvironment('bench', requirements);
    const { status } = spawnSync(python, [script], { stdio: 'inherit' });
    if (status !== 0) throw new Error(`${script} failed`);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
