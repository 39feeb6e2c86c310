/**
 * What a run costs besides its work: from the order to the running program, from step to step, and how soon another
 * worker takes up what a killed one has left. All through a whole `up`, as a user has it.
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createClient, type RunDetails } from '../../src/client/index.ts';
import { startServery, type RunningServer } from '../processes.ts';
import { figureOf, type Figure } from '../figures.ts';
import { median } from '../table.ts';

const ORDERS = 30;
const STEPS = 20;
const TAKEOVERS = 3;

export async function benchRuns(): Promise<readonly Figure[]> {
  const workspace = await makeWorkspace();
  try {
    await using servery = await startServery(workspace, [], 'up');
    await order(servery, 'stamp'); // starts the worker process, which is not what is measured
    return [
      figureOf('order to running program: p50 ms', median(await orders(servery, workspace)), 100),
      figureOf(`a step of ${STEPS}, above the bare spawn: ms`, (await perStep(servery)) - (await bareSpawnMs()), 50),
      figureOf('a killed worker to the next attempt: s', median(await takeovers(servery, workspace)), 16),
    ];
  } finally {
    await rm(workspace, { recursive: true, force: true });
  }
}

async function makeWorkspace(): Promise<string> {
  const workspace = await mkdtemp(join(tmpdir(), 'servery-bench-'));
  await mkdir(join(workspace, 'models'));
  const names = Array.from({ length: STEPS }, (_, i) => `s${i}`);
  const steps = names.map((name, i) => [name, { command: ['/bin/true'], ...(i > 0 && { needs: [names[i - 1]] }) }]);
  const jobs = {
    stamp: { command: ['/bin/sh', '-c', 'date +%s%N >> stamps'] },
    chain: { steps: Object.fromEntries(steps) as object },
    // The first attempt waits to be killed.
    hold: {
      command: ['/bin/sh', '-c', 'date +%s%N >> holds; if [ "$SERVERY_ATTEMPT" = 1 ]; then exec sleep 600; fi'],
      retry: { attempts: 3, delay: '0s' },
    },
  };
  await writeFile(join(workspace, 'servery.config.json'), JSON.stringify({ jobs }));
  return workspace;
}

async function orders(servery: RunningServer, workspace: string): Promise<number[]> {
  const sentMs: number[] = [];
  for (let i = 0; i < ORDERS; i += 1) {
    sentMs.push(Date.now());
    await order(servery, 'stamp');
  }
  const stamps = (await instants(workspace, 'stamps')).slice(-ORDERS);
  return stamps.map((atMs, i) => atMs - sentMs[i]!);
}

async function perStep(servery: RunningServer): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < 3; i += 1) {
    const { startedAt, finishedAt } = await order(servery, 'chain');
    times.push((Date.parse(finishedAt!) - Date.parse(startedAt!)) / STEPS);
  }
  return median(times);
}

async function bareSpawnMs(): Promise<number> {
  const began = performance.now();
  for (let i = 0; i < STEPS; i += 1) await once(spawn('/bin/true'), 'close');
  return (performance.now() - began) / STEPS;
}

async function takeovers(servery: RunningServer, workspace: string): Promise<number[]> {
  const times: number[] = [];
  for (let i = 0; i < TAKEOVERS; i += 1) {
    const before = (await instants(workspace, 'holds')).length;
    const done = order(servery, 'hold');
    while ((await instants(workspace, 'holds')).length === before) await sleep(10);
    const killedMs = Date.now();
    process.kill(childOf(servery.pid), 'SIGKILL');
    await done;
    times.push(((await instants(workspace, 'holds')).at(-1)! - killedMs) / 1000);
  }
  return times;
}

/** The worker process: the only child of the server. */
function childOf(pid: number): number {
  return Number(
    execFileSync('pgrep', ['-P', String(pid)], { encoding: 'utf8' })
      .trim()
      .split('\n')[0],
  );
}

async function instants(workspace: string, file: string): Promise<number[]> {
  const text = await readFile(join(workspace, file), 'utf8').catch(() => '');
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => Number(line) / 1e6);
}

/** Orders a run and waits for its end. */
async function order({ host, port }: RunningServer, job: string): Promise<RunDetails> {
  const client = createClient({ url: `http://${host}:${port}` });
  const { run } = await client.startRun(job);
  const ended = await client.waitForRun(run.id);
  if (ended.state !== 'succeeded') throw new Error(`${job}: the run is ${ended.state}`);
  return ended;
}
