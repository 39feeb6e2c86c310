/**
 * Which waiting runs may start now.
 *
 * Slots are counted from the leases that live, never kept in counters, so no crash can leave one taken. The whole
 * set of running runs is small; the queue may be long, and is read in its order only as far as needed.
 */
import type { Store } from './store.ts';

export interface Candidate {
  readonly seq: number;
  readonly id: string;
  readonly job: string;
  readonly start_ms: number | null;
  readonly end_ms: number | null;
  readonly cause: string;
  readonly backfill: string | null;
  readonly pool: string;
  readonly slots: number;
  readonly is_serial: number;
  readonly paused_ms: number | null;
  readonly max_running: number | null;
  readonly backfill_state: string | null;
  readonly parallel: number | null;
}

/** Of a waiting run: what the decision needs of it, its job and its backfill. */
export const CANDIDATE = `
  SELECT r.seq, r.id, r.job, r.start_ms, r.end_ms, r.cause, r.backfill, r.pool, r.slots, r.is_serial,
         j.paused_ms, j.max_running, b.state AS backfill_state, b.parallel
  FROM runs r LEFT JOIN jobs j ON j.name = r.job LEFT JOIN backfills b ON b.id = r.backfill`;

export interface RunningRun {
  readonly id: string;
  readonly job: string;
  readonly start_ms: number | null;
  readonly end_ms: number | null;
  readonly backfill: string | null;
  readonly pool: string;
  readonly slots: number;
}

/** What keeps a run from starting. */
export type Obstacle =
  | 'jobPaused'
  | 'backfillPaused'
  | 'jobBusy'
  | 'intervalBusy'
  | 'jobLimit'
  | 'backfillLimit'
  | 'overallLimit'
  | 'poolFull';

/** The runs that are running, as the limits see them. */
export class Occupancy {
  readonly maxRunning: number;
  readonly pools: Readonly<Record<string, number>>;
  readonly running: RunningRun[];

  constructor({ sql }: Store) {
    const limits = sql.get<{ max_running: number; pools: string }>('SELECT max_running, pools FROM limits');
    this.maxRunning = limits?.max_running ?? Infinity;
    this.pools = limits === undefined ? {} : (JSON.parse(limits.pools) as Record<string, number>);
    this.running = sql.all<RunningRun>(
      "SELECT id, job, start_ms, end_ms, backfill, pool, slots FROM runs WHERE state = 'running'",
    );
  }

  get isFull(): boolean {
    return this.running.length >= this.maxRunning;
  }

  /** Slots of a pool that are taken. */
  used(pool: string): number {
    return this.running.reduce((sum, run) => sum + (run.pool === pool ? run.slots : 0), 0);
  }

  capacity(pool: string): number {
    return this.pools[pool] ?? Infinity;
  }

  of(job: string): readonly RunningRun[] {
    return this.running.filter((run) => run.job === job);
  }

  obstacles(run: Candidate): readonly Obstacle[] {
    const ofJob = this.of(run.job);
    const isOwn = run.cause === 'schedule' || run.cause.startsWith('late/');
    const inBackfill = ofJob.filter((other) => other.backfill === run.backfill);
    const facts: Readonly<Record<Obstacle, boolean>> = {
      jobPaused: isOwn && run.paused_ms !== null,
      backfillPaused: run.backfill_state === 'paused',
      jobBusy: run.is_serial === 1 && ofJob.some((other) => other.backfill === null),
      intervalBusy: run.start_ms !== null && ofJob.some((other) => overlaps(run, other)),
      jobLimit: ofJob.length >= (run.max_running ?? Infinity),
      backfillLimit: run.backfill !== null && inBackfill.length >= (run.parallel ?? Infinity),
      overallLimit: this.isFull,
      poolFull: this.used(run.pool) + run.slots > this.capacity(run.pool),
    };
    return (Object.keys(facts) as Obstacle[]).filter((obstacle) => facts[obstacle]);
  }
}

/** At most `count` that may start, first those that go first. */
export function claimable(store: Store, count: number): readonly Candidate[] {
  const taken: Candidate[] = [];
  const occupancy = new Occupancy(store);
  while (taken.length < count && !occupancy.isFull) {
    const run = nextClaimable(store, occupancy, taken);
    if (run === undefined) break;
    taken.push(run);
    occupancy.running.push(run);
  }
  return taken;
}

/** The groups that cannot start are left out in SQL, so that a queue of very many of them is passed quickly. */
function nextClaimable(store: Store, occupancy: Occupancy, taken: readonly Candidate[]): Candidate | undefined {
  const { serialJobs, fullJobs, pausedJobs, fullPools, stoppedBackfills } = closedGroups(store, occupancy);
  const waiting = store.sql.iterate<Candidate>(
    `${CANDIDATE} WHERE r.state IN ('queued', 'retrying') AND r.not_before_ms <= ?
       AND NOT (r.is_serial = 1 AND r.job IN (SELECT value FROM json_each(?)))
       AND r.job NOT IN (SELECT value FROM json_each(?))
       AND NOT (r.job IN (SELECT value FROM json_each(?)) AND (r.cause = 'schedule' OR r.cause LIKE 'late/%'))
       AND r.pool NOT IN (SELECT value FROM json_each(?))
       AND (r.backfill IS NULL OR r.backfill NOT IN (SELECT value FROM json_each(?)))
       AND r.seq NOT IN (SELECT value FROM json_each(?))
     ORDER BY r.priority DESC, r.seq`,
    store.nowMs,
    ...[serialJobs, fullJobs, pausedJobs, fullPools, stoppedBackfills, taken.map(({ seq }) => seq)].map((list) =>
      JSON.stringify(list),
    ),
  );
  for (const run of waiting) if (occupancy.obstacles(run).length === 0) return run;
  return undefined;
}

/** What `obstacles` would say of every run in them. */
function closedGroups({ sql }: Store, occupancy: Occupancy) {
  const { running, pools } = occupancy;
  const jobs = new Set(running.map(({ job }) => job));
  const backfills = new Set(running.flatMap(({ backfill }) => backfill ?? []));
  const limits = sql.all<{ name: string; max_running: number }>(
    'SELECT j.name, j.max_running FROM json_each(?) AS running JOIN jobs j ON j.name = running.value WHERE j.max_running IS NOT NULL',
    JSON.stringify(Array.from(jobs)),
  );
  const parallel = sql.all<{ id: string; parallel: number }>(
    'SELECT b.id, b.parallel FROM json_each(?) AS running JOIN backfills b ON b.id = running.value',
    JSON.stringify(Array.from(backfills)),
  );
  const paused = sql.all<{ name: string }>('SELECT name FROM jobs WHERE paused_ms IS NOT NULL');
  const pausedBackfills = sql.all<{ id: string }>("SELECT id FROM backfills WHERE state = 'paused'");
  const countOf = (matches: (run: RunningRun) => boolean) => running.filter(matches).length;
  return {
    serialJobs: Array.from(new Set(running.flatMap(({ job, backfill }) => (backfill === null ? [job] : [])))),
    fullJobs: limits.filter((job) => countOf((run) => run.job === job.name) >= job.max_running).map(({ name }) => name),
    pausedJobs: paused.map(({ name }) => name),
    fullPools: Object.entries(pools).flatMap(([pool, slots]) => (occupancy.used(pool) >= slots ? [pool] : [])),
    stoppedBackfills: [
      ...pausedBackfills.map(({ id }) => id),
      ...parallel.filter(({ id, parallel: most }) => countOf((run) => run.backfill === id) >= most).map(({ id }) => id),
    ],
  };
}

function overlaps(a: { start_ms: number | null; end_ms: number | null }, b: RunningRun): boolean {
  if (a.start_ms === null || a.end_ms === null || b.start_ms === null || b.end_ms === null) return false;
  return a.start_ms < b.end_ms && b.start_ms < a.end_ms;
}
