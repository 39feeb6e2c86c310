/** Backfills as doors ask for them: which intervals a range has, which of them are left alone, what became of them. */
import { randomBytes } from 'node:crypto';
import { compactInterval, type DataInterval } from '../core/data-interval.ts';
import { ServeryError } from '../core/errors.ts';
import type { Engine } from '../engine/engine.ts';
import type { RunState } from '../engine/run.ts';
import { intervalsOfRange } from '../schedule/ranges.ts';
import type { BackfillOrder, JobApi } from './job-api.ts';
import type { KnownJob, KnownJobs } from './known-jobs.ts';
import { resolveParams } from './params.ts';
import { readIntervalTexts } from './request-times.ts';
import { viewBackfill, viewInterval } from './run-views.ts';

/** Behind everything that the schedule of a job of the same priority adds. */
const PRIORITY_BELOW = 100;
const PAGE = 1000;

type BackfillApi = Pick<
  JobApi,
  'planBackfill' | 'createBackfill' | 'listBackfills' | 'showBackfill' | 'changeBackfill'
>;

export function createBackfillService(engine: Engine, jobs: KnownJobs): BackfillApi {
  /** @throws {ServeryError} `INVALID_REQUEST`, `CONFLICT` */
  async function prepare(name: string, order: BackfillOrder) {
    const known = await jobs.get(name);
    requireConfigured(known);
    const range = readIntervalTexts(order, known.job.timezone);
    const intervals = intervalsIn(known, range);
    if (intervals.length === 0) {
      throw new ServeryError('INVALID_REQUEST', 'Cannot backfill: the range holds no whole interval of the job', {
        hint: `Run \`servery job next ${name}\` to see how long its intervals are.`,
      });
    }
    return { known, range, intervals, params: resolveParams(known.job.params, order.params ?? {}) };
  }

  return {
    async planBackfill(name, order) {
      const { known, range, intervals } = await prepare(name, order);
      const states = await latestStates(engine, known.job.name, range);
      const isLeft = (interval: DataInterval) => isLeftAlone(states.get(compactInterval(interval)), order.reprocess);
      const inOrder = order.order === 'oldest' ? intervals : intervals.toReversed();
      return {
        job: known.job.name,
        intervals: inOrder.filter((interval) => !isLeft(interval)).map((interval) => viewInterval(interval)),
        skipped: inOrder.filter(isLeft).map((interval) => viewInterval(interval)),
      };
    },

    async createBackfill(name, { order, parallel, reprocess, ...rest }) {
      const { known, intervals, params } = await prepare(name, { order, parallel, reprocess, ...rest });
      const backfill = await engine.createBackfill({
        id: randomBytes(4).toString('hex'),
        job: known.job.name,
        definitionHash: known.job.definitionHash,
        intervals,
        order,
        parallel,
        reprocess,
        priority: known.job.policy.priority - PRIORITY_BELOW,
        params,
      });
      return viewBackfill(backfill);
    },

    async listBackfills({ job, limit, cursor }) {
      if (job !== undefined) await jobs.get(job);
      const page = await engine.listBackfills({ limit, after: cursor, ...(job !== undefined && { job }) });
      return { backfills: page.items.map(viewBackfill), nextCursor: page.next ?? null };
    },

    showBackfill: async (id) => viewBackfill(await engine.getBackfill(id)),

    async changeBackfill(id, change, note) {
      switch (change) {
        case 'pause':
          return viewBackfill(await engine.pauseBackfill(id, note));
        case 'resume':
          return viewBackfill(await engine.resumeBackfill(id));
        case 'cancel':
          return viewBackfill(await engine.cancelBackfill(id, note));
      }
    },
  };
}

/** @throws {ServeryError} `CONFLICT` */
export function requireConfigured({ job, state }: KnownJob): void {
  if (state.isConfigured) return;
  throw new ServeryError('CONFLICT', `Cannot run ${job.name}: it is no longer in the configuration`, {
    hint: 'Its runs stay, to be looked at; add the job again to run it.',
  });
}

function intervalsIn({ schedule }: KnownJob, range: DataInterval): readonly DataInterval[] {
  try {
    return intervalsOfRange(schedule, range);
  } catch (error) {
    if (!(error instanceof ServeryError) || error.code !== 'USAGE') throw error;
    throw new ServeryError('INVALID_REQUEST', error.message, { hint: error.hint, cause: error });
  }
}

/** As the engine decides it when the backfill is made. */
function isLeftAlone(latest: RunState | undefined, reprocess: BackfillOrder['reprocess']): boolean {
  if (latest === undefined || reprocess === 'all') return false;
  return reprocess === 'none' || (latest !== 'failed' && latest !== 'cancelled');
}

/** State of the latest run of each interval that shares time with the range. */
async function latestStates(engine: Engine, job: string, covers: DataInterval): Promise<ReadonlyMap<string, RunState>> {
  const states = new Map<string, RunState>();
  let after: string | undefined;
  do {
    const page = await engine.listRuns({ job, covers, limit: PAGE, after });
    for (const { interval, state } of page.items) {
      const key = interval === undefined ? undefined : compactInterval(interval);
      if (key !== undefined && !states.has(key)) states.set(key, state);
    }
    after = page.next;
  } while (after !== undefined);
  return states;
}
