/** The staged bad rows of a run → its file of bad rows, replaced whole by each attempt. */
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { moveDurably } from './durable.ts';
import { translateFailure } from './failures.ts';
import type { StagedBadRows } from './output.ts';
import { copyRange } from './parquet-concat.ts';
import type { StagingFolder } from './staging.ts';

/** The file, if there were any. When an earlier attempt has put it there and cleaned up, it is left as it is. */
export async function concatBadRows(
  { bad, staging }: StagingFolder,
  runKey: string,
  badRows: readonly StagedBadRows[],
): Promise<readonly string[]> {
  const path = join(bad, `${runKey}.ndjson`);
  if (badRows.length === 0) {
    await rm(path, { force: true });
    return [];
  }
  const unfinished = `${path}.unfinished`;
  try {
    {
      await using file = await open(unfinished, 'w');
      for (const part of [...badRows].sort((a, b) => a.index - b.index)) {
        await copyRange(join(staging, part.file), 0, part.bytes, (block) => file.writeFile(block));
      }
      await file.sync();
    }
    await moveDurably(unfinished, path);
  } catch (error) {
    await rm(unfinished, { force: true });
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [path];
    throw translateFailure(error, 'OUTPUT_INVALID');
  }
  return [path];
}
