/** The jobs of a server that has some; an online-only one says so, instead of saying that the path is unknown. */
import { ServeryError } from '../core/errors.ts';
import type { JobApi } from '../jobs/job-api.ts';
import type { HttpDeps } from './deps.ts';

/** @throws {ServeryError} `UNSUPPORTED` */
export function requireJobs({ jobs }: HttpDeps): JobApi {
  if (jobs !== undefined) return jobs;
  throw new ServeryError('UNSUPPORTED', 'Cannot answer about jobs: this server serves models only', {
    hint: 'Start the workspace with `servery up`, which serves and runs jobs.',
  });
}
