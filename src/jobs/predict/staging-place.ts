/** Where a step keeps what is not finished: beside its output, or in the workspace where that is no file. */
import { resolve } from 'node:path';
import type { OutputOptions } from '../../dataset/options.ts';
import { fileKey, openStaging, type StagingFolder } from '../../dataset/staging.ts';

export interface StagingPlace {
  readonly workspace: string;
  readonly runId: string;
  readonly step: string;
}

/** @throws {ServeryError} `OUTPUT_INVALID`, `STORAGE_FULL` */
export async function openStagingFor(
  { path, sqlite }: OutputOptions,
  { workspace, runId, step }: StagingPlace,
): Promise<StagingFolder> {
  return openStaging(resolve(workspace, path ?? sqlite ?? '.servery/postgres'), fileKey(`${runId}.${step}`));
}
