/** Where a step keeps what is not finished: beside its output, or in the workspace where that is no file. */
import { join, resolve } from 'node:path';
import type { OutputOptions } from '../../dataset/options.ts';
import { fileKey, openStaging, placeOf, type StagingFolder } from '../../dataset/staging.ts';

export interface StagingPlace {
  readonly workspace: string;
  readonly runId: string;
  readonly step: string;
}

/** @throws {ServeryError} `OUTPUT_INVALID`, `STORAGE_FULL` */
export async function openStagingFor(output: OutputOptions, place: StagingPlace): Promise<StagingFolder> {
  return openStaging(targetOf(output, place.workspace), runKeyOf(place));
}

/** Where the bad rows of its runs are, each in a file that `runKeyOf` names. */
export async function badRowsFolder(output: OutputOptions, workspace: string): Promise<string> {
  const { root } = await placeOf(targetOf(output, workspace));
  return join(root, 'bad');
}

export function runKeyOf({ runId, step }: Omit<StagingPlace, 'workspace'>): string {
  return fileKey(`${runId}.${step}`);
}

function targetOf({ path, sqlite }: OutputOptions, workspace: string): string {
  return resolve(workspace, path ?? sqlite ?? '.servery/postgres');
}
