/** `servery output files OUT`: the files that make up an output now, whatever else lies in its folder. */
import { resolve } from 'node:path';
import { readManifests } from '../../dataset/read-manifests.ts';
import type { Result } from '../output.ts';

export async function files(output: string): Promise<Result> {
  const manifests = await readManifests(resolve(output));
  const found = manifests.flatMap(({ runId, interval, paths, files: entries }) =>
    entries.map(({ rows, bytes, sha256 }, index) => ({
      path: paths[index]!,
      rows,
      bytes,
      sha256,
      interval: interval ?? null,
      run: runId,
    })),
  );
  const rows = manifests.reduce((sum, manifest) => sum + manifest.rows, 0);
  return { value: { output: resolve(output), rows, files: found }, text: found.map(({ path }) => path).join('\n') };
}
