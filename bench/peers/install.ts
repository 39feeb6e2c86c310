/**
 * Installs a peer into a folder of its own, once for each content of its requirements.txt: bench/.peers/NAME, or
 * below SERVERY_BENCH_PEERS.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pythonEnvironment } from '../../scripts/python-env.mjs';

const HERE = import.meta.dirname;
const PEERS_FOLDER = process.env['SERVERY_BENCH_PEERS'] ?? join(HERE, '..', '.peers');

export type Installed = { readonly environment: string; readonly code: string } | { readonly reason: string };

/** What cannot be installed is named, and the bench goes on without it. */
export async function install(folder: string, python?: string): Promise<Installed> {
  if (python !== undefined && !existsSync(python)) return { reason: `needs ${python}` };
  const environment = join(PEERS_FOLDER, folder);
  const code = join(HERE, folder);
  try {
    await pythonEnvironment(folder, join(code, 'requirements.txt'), { folder: environment, interpreter: python });
    return { environment, code };
  } catch (error) {
    return { reason: error instanceof Error ? error.message : String(error) };
  }
}
