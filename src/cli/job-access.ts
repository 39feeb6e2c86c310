/**
 * The jobs of a workspace as the command line reaches them: through the server that runs them, or in `state.db`
 * when none lives. Either way the answers are the same.
 */
import { resolve } from 'node:path';
import { openJobs } from '../app/open-jobs.ts';
import { openWorkspace } from '../app/workspace.ts';
import { createConnection } from '../client/connection.ts';
import { createRemoteJobs, type JobCommands } from '../client/remote-jobs.ts';
import { ServeryError } from '../core/errors.ts';
import { findServer } from './local-server.ts';

export interface JobAccess extends AsyncDisposable {
  readonly jobs: JobCommands;
  /** `http://host:port`; undefined when `state.db` was opened. */
  readonly server: string | undefined;
}

/** @throws {ServeryError} `WORKSPACE_NOT_FOUND`, `CONFIG_INVALID`, `DATABASE_FAILED` */
async function openJobAccess(workspace: string): Promise<JobAccess> {
  const server = await findServer(workspace);
  if (server !== undefined) {
    const jobs = createRemoteJobs(createConnection({ url: server.url, apiKey: server.key, fetch: server.fetch }));
    if (await servesJobs(jobs)) return { jobs, server: server.url, [Symbol.asyncDispose]: async () => {} };
  }
  const opened = await openJobs(await openWorkspace(resolve(workspace), process.env, {}));
  return { jobs: opened.jobs, server: undefined, [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose]() };
}

/** `servery serve` holds the workspace too, and knows nothing of jobs. */
async function servesJobs(jobs: JobCommands): Promise<boolean> {
  try {
    await jobs.listJobs({ limit: 1 });
    return true;
  } catch (error) {
    if (error instanceof ServeryError && error.code === 'UNSUPPORTED') return false;
    throw error;
  }
}

/** Opens the jobs for one command. */
export async function withJobs<T>(workspace: string, command: (access: JobAccess) => Promise<T>): Promise<T> {
  await using access = await openJobAccess(workspace);
  return await command(access);
}
