/** How late runs are made under very many schedules, what that costs, and how long a backfill takes to plan. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { openSqliteEngine } from '../../src/engine/sqlite/open.ts';
import { scheduleOptions } from '../../src/schedule/options.ts';
import { intervalsOfRange } from '../../src/schedule/ranges.ts';
import { compileSchedule } from '../../src/schedule/schedule.ts';
import { figureOf, type Figure } from '../figures.ts';

/** Of one process with very many schedules. */
export interface SchedulerFigures {
  /** Of each run, from its instant to its row on the disk; in order. */
  readonly lateMs: readonly number[];
  /** From nothing to all schedules planned. */
  readonly readyMs: number;
  readonly cpuPercent: number;
  /** The most it ever had. */
  readonly memoryMb: number;
}

export async function benchScheduler(schedules = 10_000, seconds = 62): Promise<readonly Figure[]> {
  await measure('idle', 1, 0); // fills the cache
  const spread = await measure('spread', schedules, seconds);
  const together = await measure('together', schedules, seconds);
  const idle = await measure('idle', schedules, 30);
  const planMs = await measureBackfill(1000);
  const most = Math.max(...[spread, together, idle].map(({ memoryMb }) => memoryMb));
  return [
    figureOf(`spread: lateness p50 of ${spread.lateMs.length}, ms`, quantile(spread.lateMs, 0.5), 20),
    figureOf('spread: lateness p99, ms', quantile(spread.lateMs, 0.99), 250),
    figureOf(`together: lateness p99 of ${together.lateMs.length}, ms`, quantile(together.lateMs, 0.99), 1000),
    figureOf('idle: percent of a core', idle.cpuPercent, 1),
    figureOf('memory of the process, MB', most, 150),
    figureOf('backfill of 1000 intervals: planned, ms', planMs, 100),
  ];
}

async function measure(kind: string, schedules: number, seconds: number): Promise<SchedulerFigures> {
  const folder = await mkdtemp(path.join(tmpdir(), 'servery-bench-'));
  try {
    // Limits without which V8 lets garbage lie where there is room, and compiled code that is cached (bin/servery).
    const args = [
      '--max-semi-space-size=1',
      '--max-old-space-size=256',
      '--conditions=servery-source',
      `${import.meta.dirname}/scheduler-process.ts`,
    ];
    const cache = path.join(import.meta.dirname, '../../node_modules/.cache/servery');
    const { stdout } = await promisify(execFile)(
      process.execPath,
      [...args, path.join(folder, 'state.db'), kind, String(schedules), String(seconds)],
      { maxBuffer: 2 ** 26, env: { ...process.env, NODE_COMPILE_CACHE: cache } },
    );
    const figures = JSON.parse(stdout) as SchedulerFigures;
    console.log(
      `  (${kind}: ready after ${figures.readyMs.toFixed(0)} ms, ${figures.cpuPercent.toFixed(2)} % of a core)`,
    );
    return figures;
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** From the range to runs that wait, in a store that is otherwise empty; the median of some. */
async function measureBackfill(hours: number): Promise<number> {
  const folder = await mkdtemp(path.join(tmpdir(), 'servery-bench-'));
  await using engine = await openSqliteEngine({ file: path.join(folder, 'state.db') });
  const retry = {
    attempts: 1,
    delayMs: 0,
    factor: 1,
    maxDelayMs: 0,
    jitter: 'none',
    notOn: [],
    workerLosses: 3,
  } as const;
  const policy = { pool: 'default', slots: 1, priority: 0, overlapping: true, retry };
  await engine.configure([{ job: 'job', hash: 'hash', spec: {}, policy }], { pools: {}, maxRunning: 4 });
  const times: number[] = [];
  for (let index = 0; index < 9; index += 1) {
    const beganMs = performance.now();
    const schedule = compileSchedule('job', scheduleOptions.parse({ cron: '0 * * * *', timezone: 'Asia/Seoul' }));
    const intervals = intervalsOfRange(schedule, { startMs: 0, endMs: hours * 3_600_000 });
    const order = { order: 'oldest', parallel: 4, reprocess: 'none', priority: -10 } as const;
    await engine.createBackfill({ id: `b${index}`, job: 'job', definitionHash: 'hash', intervals, ...order });
    times.push(performance.now() - beganMs);
  }
  await rm(folder, { recursive: true });
  return quantile(
    times.sort((a, b) => a - b),
    0.5,
  );
}

function quantile(sorted: readonly number[], part: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? NaN;
}
