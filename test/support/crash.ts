/**
 * Runs a job in real processes that are killed on the way, until it is over, and says what is there then.
 *
 * `servery work` is the process, with its scheduler and its worker; a failpoint or the clock decides when which of
 * them is killed. Afterwards it is started again without either, as an operator would.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { stateFile, type CrashScenario } from './crash-scenario.ts';

const ROOT = new URL('../../', import.meta.url).pathname;

/** A run that is not over by then will never be: what was logged says more than the end of the suite's time. */
const LONGEST_WORK_MS = 90_000;

interface Working extends AsyncDisposable {
  readonly process: ChildProcess;
  readonly gone: Promise<unknown>;
  /** The process that executes runs, as far as there is one. */
  worker(): Promise<number | undefined>;
  log(): string;
}

function startWork(workspace: string, env: Readonly<Record<string, string>> = {}): Working {
  const child = spawn(process.execPath, ['--conditions=servery-source', `${ROOT}src/cli/main.ts`, 'work', workspace], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let log = '';
  child.stderr.on('data', (chunk: Buffer) => (log += chunk.toString()));
  const gone = once(child, 'close');
  return {
    process: child,
    gone,
    log: () => log,
    worker: () => childOf(child.pid!),
    async [Symbol.asyncDispose]() {
      const worker = await childOf(child.pid!);
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
      if (worker !== undefined) kill(worker);
      await gone;
    },
  };
}

/** Works until nothing is left to do. @returns what was logged */
export async function workUntilOver(
  { folder, isOver }: CrashScenario,
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  await using work = startWork(folder, env);
  await untilOver(work, isOver);
  return work.log();
}

async function untilOver(work: Working, isOver: () => Promise<boolean>): Promise<void> {
  const giveUpAt = Date.now() + LONGEST_WORK_MS;
  while (!(await isOver())) {
    if (work.process.exitCode !== null) throw new Error(`work has ended: ${work.log()}`);
    if (Date.now() > giveUpAt) throw new Error(`work is not over after ${LONGEST_WORK_MS} ms: ${work.log()}`);
    await sleep(20);
  }
}

/** Until a process was killed by the failpoint, or all is done without that. */
export async function workUntilKilled(
  { folder, isOver }: CrashScenario,
  failpoint: string,
): Promise<'killed' | 'over'> {
  await using work = startWork(folder, { SERVERY_FAILPOINT: failpoint });
  for (;;) {
    const over = await isOver();
    // What kills after the last step is seen a little later than what the step has done.
    await sleep(over ? 1000 : 10);
    if (work.process.signalCode !== null || work.log().includes('The worker process has ended')) return 'killed';
    if (over) return 'over';
  }
}

/**
 * Begins a trouble when a worker is at a failpoint, ends it after so long, and works to the end.
 *
 * @returns what was logged, and why attempts failed
 */
export async function workThrough(
  scenario: CrashScenario,
  failpoint: string,
  begin: () => Promise<AsyncDisposable>,
  forMs: number,
): Promise<string> {
  await using work = startWork(scenario.folder, { SERVERY_FAILPOINT: `${failpoint}:stop` });
  const worker = await stoppedWorker(work, scenario, failpoint);
  process.kill(worker, 'SIGCONT');
  {
    await using _ = await begin();
    await sleep(forMs);
  }
  await untilOver(work, () => scenario.isOver());
  const { items } = await scenario.engine.listRuns({ limit: 10 });
  const attempts = await Promise.all(items.map(({ id }) => scenario.engine.attempts(id)));
  return work.log() + attempts.flatMap((all) => all.map(({ error }) => error?.message ?? '')).join('\n');
}

/**
 * A worker falls asleep at a failpoint, with the process that would end it for that, until its lease has gone to
 * another, which finishes the run; then it wakes up and does what it was about to do.
 */
export async function wakeUpLate(scenario: CrashScenario, failpoint: string): Promise<void> {
  await using asleep = startWork(scenario.folder, { SERVERY_FAILPOINT: `${failpoint}:stop` });
  const worker = await stoppedWorker(asleep, scenario, failpoint);
  asleep.process.kill('SIGSTOP');
  while (!forgetTicker(stateFile(scenario.folder))) {
    // It fell asleep in a transaction, which nobody could get past: that is another scenario.
    asleep.process.kill('SIGCONT');
    await sleep(20);
    asleep.process.kill('SIGSTOP');
  }
  await workUntilOver(scenario);
  process.kill(worker, 'SIGCONT');
  asleep.process.kill('SIGCONT');
  await sleep(1500); // it has time to do harm
}

const SQLITE_BUSY = 5;

/**
 * The lease of who sleeps, given up before its time: waiting for its end shows nothing more.
 *
 * @returns false when somebody holds the lock of the store
 */
function forgetTicker(file: string): boolean {
  using db = new DatabaseSync(file, { timeout: 500 });
  try {
    db.exec('UPDATE ticker SET expires_ms = 0');
    return true;
  } catch (error) {
    if ((error as { errcode?: number }).errcode === SQLITE_BUSY) return false;
    throw error;
  }
}

async function stoppedWorker(work: Working, scenario: CrashScenario, failpoint: string): Promise<number> {
  let worker: number | undefined;
  while (worker === undefined || !(await isStopped(worker))) {
    await sleep(20);
    worker ??= await work.worker();
    if (await scenario.isOver()) throw new Error(`The run does not pass ${failpoint}`);
  }
  return worker;
}

async function isStopped(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return stat.slice(stat.lastIndexOf(')') + 2).startsWith('T');
}

export type Trouble = 'scheduler' | 'worker' | 'both' | (() => Promise<void>);

/** Kills one process, or both, after so long; or lets something else happen to them. */
export async function workInTrouble(
  { folder }: CrashScenario,
  afterMs: number,
  trouble: Trouble,
  env: Readonly<Record<string, string>> = {},
): Promise<void> {
  await using work = startWork(folder, env);
  await sleep(afterMs);
  const worker = await work.worker();
  if ((trouble === 'worker' || trouble === 'both') && worker !== undefined) kill(worker);
  if (trouble === 'scheduler' || trouble === 'both') work.process.kill('SIGKILL');
  if (typeof trouble === 'function') await trouble();
  // The one that lives may go on for a moment: it must do no harm either.
  await sleep(100);
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It was faster.
  }
}

async function childOf(parent: number): Promise<number | undefined> {
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const stat = await readFile(join('/proc', name, 'stat'), 'utf8').catch(() => '');
    const [, ppid] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (Number(ppid) === parent) return Number(name);
  }
  return undefined;
}
