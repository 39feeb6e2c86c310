/**
 * A scheduler alone in a process, as `work` has it: engine and ticker with very many schedules, and nobody who works.
 *
 *   node scheduler-process.ts FILE KIND COUNT SECONDS   →  one line of JSON, `SchedulerFigures`
 *
 * KIND: `together` (all share each minute), `spread` (evenly over each minute), `idle` (none fires).
 */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Engine } from '../../src/engine/engine.ts';
import { openSqliteEngine } from '../../src/engine/sqlite/open.ts';
import { Ticker } from '../../src/jobs/ticker.ts';
import { scheduleOptions } from '../../src/schedule/options.ts';
import { compileSchedule } from '../../src/schedule/schedule.ts';
import type { SchedulerFigures } from './scheduler.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
const [file = '', kind = '', count = '0', seconds = '0'] = process.argv.slice(2);
const total = Number(count);
const lateMs: number[] = [];

const engine = await openSqliteEngine({ file });
const observed: Engine = Object.assign(Object.create(engine) as Engine, { schedule: timed, watch: engine.watch });
const jobs = Array.from({ length: total }, (_, index) => {
  const name = `job-${String(index).padStart(5, '0')}`;
  return { name, definitionHash: name, schedule: compileSchedule(name, scheduleOptions.parse(timesOf(index))) };
});
const definitions = jobs.map(({ name }) => ({
  job: name,
  hash: name,
  spec: { command: ['true'] },
  policy: {
    pool: 'default',
    slots: 1,
    priority: 0,
    overlapping: true,
    retry: { attempts: 1, delayMs: 0, factor: 1, maxDelayMs: 0, jitter: 'none', notOn: [], workerLosses: 3 },
  } as const,
}));

const beganMs = performance.now();
const ticker = new Ticker({
  engine: observed,
  holder: 'bench',
  retention: { runsMs: DAY_MS, keepRuns: 10, maxRuns: 1000, eventsMs: DAY_MS },
});
await ticker.configure({ jobs, definitions, limits: { pools: {}, maxRunning: 4 } });
const readyMs = performance.now() - beganMs;
await sleep(2000);
const cpu = process.cpuUsage();
const wall = performance.now();
await sleep(Number(seconds) * 1000);
const used = process.cpuUsage(cpu);
const figures: SchedulerFigures = {
  lateMs: lateMs.sort((a, b) => a - b),
  readyMs,
  cpuPercent: (used.user + used.system) / 10 / (performance.now() - wall),
  memoryMb: peakMemoryMb(),
};
console.log(JSON.stringify(figures));
await ticker[Symbol.asyncDispose]();
await engine[Symbol.asyncDispose]();

function timesOf(index: number): object {
  // From the next whole minute on, so that nothing is caught up with.
  const start = new Date(Math.ceil(Date.now() / MINUTE_MS) * MINUTE_MS + (kind === 'idle' ? DAY_MS : 0));
  const offsetMs = kind === 'spread' ? (index * MINUTE_MS) / total : 0;
  const anchor = new Date(start.getTime() + offsetMs).toISOString();
  if (kind === 'spread') return { every: '1m', anchor, overlap: 'allow', catchUp: 'none' };
  if (kind === 'together') return { cron: '* * * * *', overlap: 'allow', catchUp: 'none' };
  const hour = start.getUTCHours();
  return { cron: `${index % 60} ${hour} ${(start.getUTCDate() % 28) + 1} * *`, timezone: 'Europe/Paris' };
}

/** From the scheduled instant until the run's row is on the disk and this is known here. */
async function timed(...args: Parameters<Engine['schedule']>): ReturnType<Engine['schedule']> {
  const results = await engine.schedule(...args);
  const nowMs = Date.now();
  for (const { runs } of args[1]) for (const { scheduledForMs } of runs) lateMs.push(nowMs - scheduledForMs!);
  return results;
}

function peakMemoryMb(): number {
  const [, kb] = /VmHWM:\s+([0-9]+) kB/.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
  return Number(kb) / 1024;
}
