/** The jobs of an engine, read and compiled; what is compiled is kept by the hash of its definition. */
import { quote, ServeryError } from '../core/errors.ts';
import { nearestName } from '../core/nearest-name.ts';
import type { Engine, Page, PageQuery } from '../engine/engine.ts';
import type { JobDefinition, JobState } from '../engine/job-state.ts';
import { compileSchedule, type Schedule } from '../schedule/schedule.ts';
import { readJob, type Job } from './job.ts';

export interface KnownJob {
  readonly state: JobState;
  readonly job: Job;
  readonly schedule: Schedule;
}

const REMEMBERED = 20_000;
/** Names that are compared with one that is not there. */
const SUGGESTED_FROM = 500;

export class KnownJobs {
  readonly #engine: Engine;
  readonly #compiled = new Map<string, { readonly job: Job; readonly schedule: Schedule }>();

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** @throws {ServeryError} `JOB_NOT_FOUND` */
  async get(name: string): Promise<KnownJob> {
    try {
      return this.#compile(await this.#engine.getJob(name));
    } catch (error) {
      if (error instanceof ServeryError && error.code === 'JOB_NOT_FOUND') throw await this.#notFound(name);
      throw error;
    }
  }

  /** By name. */
  async list(query: PageQuery): Promise<Page<KnownJob>> {
    const { items, next } = await this.#engine.listJobs(query);
    return { items: items.map((state) => this.#compile(state)), next };
  }

  #compile(state: JobState): KnownJob {
    const { definition } = state;
    let compiled = this.#compiled.get(definition.hash);
    if (compiled === undefined) {
      if (this.#compiled.size >= REMEMBERED) this.#compiled.clear();
      this.#compiled.set(definition.hash, (compiled = compile(definition)));
    }
    return { state, ...compiled };
  }

  async #notFound(name: string): Promise<ServeryError> {
    const { items } = await this.#engine.listJobs({ limit: SUGGESTED_FROM });
    const meant = nearestName(
      name,
      items.map(({ job }) => job),
    );
    return new ServeryError('JOB_NOT_FOUND', `No job has the name ${quote(name)}`, {
      ...(meant !== undefined && { hint: `Did you mean ${quote(meant)}?` }),
    });
  }
}

function compile(definition: JobDefinition): { readonly job: Job; readonly schedule: Schedule } {
  const job = readJob(definition);
  return { job, schedule: compileSchedule(job.name, job.schedule) };
}
