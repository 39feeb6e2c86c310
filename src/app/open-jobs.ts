/** The jobs of a workspace without a server: for the command line, when none holds it. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { openSqliteEngine } from '../engine/sqlite/open.ts';
import type { JobApi } from '../jobs/job-api.ts';
import { createJobService } from '../jobs/job-service.ts';
import { createJob, toDefinition } from '../jobs/job.ts';
import type { Workspace } from './workspace.ts';

export interface OpenJobs extends AsyncDisposable {
  readonly jobs: JobApi;
}

/** @throws {ServeryError} `DATABASE_FAILED`, `STORAGE_FULL` */
export async function openJobs({ stateFolder, config }: Workspace): Promise<OpenJobs> {
  await mkdir(stateFolder, { recursive: true });
  const engine = await openSqliteEngine({ file: join(stateFolder, 'state.db') });
  try {
    const definitions = Object.entries(config.jobs).map(([name, job]) => toDefinition(createJob(name, job)));
    await engine.configure(definitions, { pools: config.batch.pools, maxRunning: config.batch.maxRunning });
  } catch (error) {
    await engine[Symbol.asyncDispose]();
    throw error;
  }
  return {
    jobs: createJobService({ engine, stateFolder }),
    [Symbol.asyncDispose]: () => engine[Symbol.asyncDispose](),
  };
}
