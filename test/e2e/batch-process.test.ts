/** Runs beside a server: what happens to them must not happen to requests. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { getPriority } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { lockStore } from '../support/locked-store.ts';
import { startServer, workspaceWith, type RunningServer } from '../support/workspace-server.ts';

const IRIS = { iris: 'examples/quickstart/models/iris' };
const ROW = { sepal_length: 5.1, sepal_width: 3.5, petal_length: 1.4, petal_width: 0.2 };

describe('the batch half of a server', { timeout: 240_000 }, () => {
  it('loses its worker to SIGKILL again and again, and no request fails', async () => {
    await using workspace = await workspaceWith(IRIS);
    await configure(workspace.path, {
      batch: { stopGrace: '1s' },
      jobs: {
        // Writes its pid, and its end only if it got there.
        slow: {
          shell: true,
          command: 'echo $$ >> pids; sleep 1; echo "$SERVERY_RUN_ID" >> ends',
          retry: { workerLosses: 20, delay: '50ms' },
        },
      },
    });
    await using server = await startServer(workspace.path, { command: 'up' });
    using load = startLoad(server);
    const { id } = await startRun(server, 'slow');
    const killed = new Set<string>();
    while (killed.size < 3) {
      const { worker, state } = await showRun(server, id);
      if (state !== 'running' || worker === null || killed.has(worker)) {
        await sleep(20);
        continue;
      }
      await sleep(300); // into the program
      process.kill(pidOf(worker), 'SIGKILL');
      killed.add(worker);
    }
    const run = await ended(server, id);
    assert.equal(run.state, 'succeeded');
    assert.equal(run.attempt, 4);
    assert.deepEqual(
      (run.attempts ?? []).map(({ error }) => error?.code),
      ['WORKER_LOST', 'WORKER_LOST', 'WORKER_LOST', undefined],
    );
    assert.equal(await readFile(join(workspace.path, 'ends'), 'utf8'), `${id}\n`, 'it came to its end once');
    const pids = (await readFile(join(workspace.path, 'pids'), 'utf8')).trim().split('\n');
    for (const pid of pids) assert.ok(await isGone(Number(pid)), `program ${pid} is gone`);
    assert.deepEqual(load.failures, []);
    assert.ok(load.answers() > 100, `${load.answers()} answers`);
  });

  it('has the lowest priority in every thread', { skip: process.platform !== 'linux' }, async () => {
    await using workspace = await workspaceWith(IRIS);
    await configure(workspace.path, { jobs: { hello: { command: ['sleep', '3'] } } });
    await using server = await startServer(workspace.path, { command: 'up' });
    const { id } = await startRun(server, 'hello');
    let worker: string | null = null;
    while (worker === null) ({ worker } = await showRun(server, id));
    const pid = pidOf(worker);
    const threads = (await readdir(`/proc/${pid}/task`)).map(Number);
    assert.ok(threads.length > 5, `${threads.length} threads`);
    assert.deepEqual(new Set(threads.map((thread) => getPriority(thread))), new Set([19]));
  });

  it('ends a program that eats all memory, and no request fails', async () => {
    await using workspace = await workspaceWith(IRIS);
    await configure(workspace.path, {
      jobs: {
        bomb: {
          command: [
            process.execPath,
            '--max-old-space-size=150',
            '-e',
            'const all = []; for (;;) all.push(new Array(1e5).fill(all.length))',
          ],
        },
      },
    });
    await using server = await startServer(workspace.path, { command: 'up' });
    using load = startLoad(server);
    const run = await ended(server, (await startRun(server, 'bomb')).id);
    assert.equal(run.state, 'failed');
    assert.equal(run.error?.code, 'COMMAND_FAILED');
    assert.match(run.error?.message ?? '', /ended by SIG|exit code/);
    assert.deepEqual(load.failures, []);
  });

  it('takes up, after its own SIGKILL, what it left, and ends the programs of before', async () => {
    await using workspace = await workspaceWith(IRIS);
    await configure(workspace.path, {
      batch: { lease: '2s', stopGrace: '500ms' },
      jobs: { long: { shell: true, command: 'echo $$ >> pids; [ "$SERVERY_ATTEMPT" -gt 1 ] || sleep 600' } },
    });
    await using first = await startServer(workspace.path, { command: 'up' });
    const { id } = await startRun(first, 'long');
    const [pid] = await lines(workspace.path, 'pids', 1);
    await first.stop('SIGKILL');
    await using second = await startServer(workspace.path, { command: 'up' });
    const run = await ended(second, id);
    assert.equal(run.state, 'succeeded');
    assert.ok(await isGone(Number(pid)));
  });

  it('answers requests while somebody keeps its store locked, and says so to who wants a run', async () => {
    await using workspace = await workspaceWith(IRIS);
    await configure(workspace.path, { jobs: { quick: { command: ['true'] } } });
    await using server = await startServer(workspace.path, { command: 'up' });
    {
      await using _ = await lockStore(join(workspace.path, '.servery', 'state.db'));
      using load = startLoad(server);
      const response = await post(server, 'quick');
      assert.equal(response.status, 503);
      const { error, code, hint } = (await response.json()) as Readonly<Record<string, string>>;
      assert.equal(code, 'DATABASE_FAILED');
      assert.match(error!, /another process has kept it locked for more than 5000 ms/);
      assert.match(hint!, /Find the process/);
      assert.deepEqual(await jobNames(server), ['quick'], 'what is known can be read');
      assert.deepEqual(load.failures, []);
      assert.ok(load.answers() > 100, `${load.answers()} answers`);
    }
    const run = await ended(server, (await startRun(server, 'quick')).id);
    assert.equal(run.state, 'succeeded');
  });

  it('hands runs over when it is told to stop, and leaves nothing running', async () => {
    await using workspace = await workspaceWith(IRIS);
    await configure(workspace.path, {
      batch: { stopGrace: '300ms' },
      jobs: { long: { shell: true, command: 'echo $$ >> pids; [ "$SERVERY_ATTEMPT" -gt 1 ] || exec sleep 600' } },
    });
    await using first = await startServer(workspace.path, { command: 'up' });
    const { id } = await startRun(first, 'long');
    const [pid] = await lines(workspace.path, 'pids', 1);
    assert.equal(await first.stop('SIGTERM'), 0);
    assert.ok(await isGone(Number(pid)));
    await using second = await startServer(workspace.path, { command: 'up' });
    const run = await ended(second, id);
    assert.equal(run.state, 'succeeded');
    assert.deepEqual(
      (run.attempts ?? []).map(({ state }) => state),
      ['interrupted', 'succeeded'],
    );
  });

  it('serves models only when that is what was asked for', async () => {
    await using workspace = await workspaceWith(IRIS);
    await configure(workspace.path, {
      jobs: { tick: { schedule: { cron: '* * * * * *' }, command: ['touch', 'ticked'] } },
    });
    await using server = await startServer(workspace.path, { command: 'serve' });
    const answer = (await (await fetch(`${server.http}/api/jobs`)).json()) as { readonly code?: string };
    assert.equal(answer.code, 'UNSUPPORTED');
    await sleep(1500);
    assert.ok(!existsSync(join(workspace.path, 'ticked')));
  });

  it('applies jobs that are added and changed while it runs, and refuses wrong ones', async () => {
    await using workspace = await workspaceWith(IRIS);
    await configure(workspace.path, { jobs: {} });
    await using server = await startServer(workspace.path, { command: 'up' });
    await configure(workspace.path, { jobs: { one: { command: ['true'] } } });
    await until(async () => (await jobNames(server)).includes('one'));
    await writeFile(join(workspace.path, 'servery.config.json'), '{ "jobs": { "one": { "comand": ["true"] } } }');
    await until(() => Promise.resolve(server.log().includes('did you mean command?')));
    assert.deepEqual(await jobNames(server), ['one']);
    await configure(workspace.path, {});
    await mkdir(join(workspace.path, 'jobs'));
    await writeFile(join(workspace.path, 'jobs', 'two.yaml'), 'command: [sh, -c, "exit 0"]\n');
    await until(async () => (await jobNames(server)).includes('two'));
    const run = await ended(server, (await startRun(server, 'two')).id);
    assert.equal(run.state, 'succeeded');
  });
});

interface RunView {
  readonly id: string;
  readonly state: string;
  readonly attempt: number;
  readonly worker: string | null;
  readonly error: { readonly code: string; readonly message: string } | null;
  readonly attempts?: readonly { readonly state: string; readonly error: { readonly code: string } | null }[];
}

function configure(folder: string, config: object): Promise<void> {
  return writeFile(join(folder, 'servery.config.json'), JSON.stringify(config));
}

function post(server: RunningServer, job: string): Promise<Response> {
  return fetch(`${server.http}/api/jobs/${job}/runs`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{}',
  });
}

async function startRun(server: RunningServer, job: string): Promise<RunView> {
  const response = await post(server, job);
  const text = await response.text();
  assert.ok(response.ok, text);
  return JSON.parse(text) as RunView;
}

async function showRun(server: RunningServer, id: string): Promise<RunView> {
  return (await (await fetch(`${server.http}/api/runs/${id}`)).json()) as RunView;
}

async function ended(server: RunningServer, id: string): Promise<RunView> {
  for (;;) {
    const run = await showRun(server, id);
    if (['succeeded', 'failed', 'cancelled', 'skipped'].includes(run.state)) return run;
    await sleep(50);
  }
}

async function jobNames(server: RunningServer): Promise<readonly string[]> {
  const { jobs } = (await (await fetch(`${server.http}/api/jobs`)).json()) as {
    jobs: readonly { readonly name: string; readonly configured: boolean }[];
  };
  return jobs.filter(({ configured }) => configured).map(({ name }) => name);
}

interface Load extends Disposable {
  readonly failures: string[];
  answers(): number;
}

/** Requests without pause, a few at a time, until it is disposed. */
function startLoad({ http }: RunningServer): Load {
  const failures: string[] = [];
  let answers = 0;
  let isOver = false;
  const ask = async (): Promise<void> => {
    while (!isOver) {
      try {
        const response = await fetch(`${http}/models/iris/predict`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ rows: [ROW] }),
        });
        if (response.ok) answers += 1;
        else failures.push(await response.text());
        await response.body?.cancel().catch(() => undefined);
      } catch (error) {
        if (!isOver) failures.push(String(error));
      }
    }
  };
  for (let i = 0; i < 4; i += 1) void ask();
  return { failures, answers: () => answers, [Symbol.dispose]: () => void (isOver = true) };
}

async function until(isTrue: () => Promise<boolean>): Promise<void> {
  while (!(await isTrue())) await sleep(20);
}

async function lines(folder: string, name: string, count: number): Promise<readonly string[]> {
  for (;;) {
    const text = await readFile(join(folder, name), 'utf8').catch(() => '');
    const found = text.trim().split('\n');
    if (text !== '' && found.length >= count) return found;
    await sleep(20);
  }
}

/** `host-PID-random`. */
function pidOf(worker: string): number {
  return Number(worker.split('-').at(-2));
}

async function isGone(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => ') X');
  return ['Z', 'X'].includes(stat.slice(stat.lastIndexOf(')') + 2)[0]!);
}
