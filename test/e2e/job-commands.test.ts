/** The commands of jobs as people and scripts use them: on a server that lives, and on a workspace without one. */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { after, before, describe, it } from 'node:test';
import { temporaryFolder, type TemporaryFolder } from '../support/temporary-folder.ts';
import { startServer, type RunningServer } from '../support/workspace-server.ts';

const ROOT = new URL('../../', import.meta.url).pathname;
const CONFIG = {
  jobs: {
    nightly: {
      schedule: { cron: '0 20 * * *', timezone: 'Asia/Seoul' },
      params: { days: { type: 'integer', default: 7 } },
      command: ['node', '-e', 'console.log("days", JSON.parse(process.env.SERVERY_PARAMS).days)'],
    },
    broken: { command: ['node', '-e', 'console.error("no such shop"); process.exit(3)'] },
    endless: { command: ['node', '-e', 'console.log("up"); setInterval(() => {}, 1000)'] },
  },
};

async function jobWorkspace(): Promise<TemporaryFolder> {
  const folder = await temporaryFolder();
  await mkdir(`${folder.path}/models`);
  await writeFile(`${folder.path}/servery.config.json`, JSON.stringify(CONFIG));
  return folder;
}

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

interface Started {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
}

function servery(...args: readonly string[]): Started {
  const command = ['--conditions=servery-source', `${ROOT}src/cli/main.ts`, ...args];
  const child = spawn(process.execPath, command, { stdio: ['ignore', 'pipe', 'pipe'] });
  let out = '';
  let err = '';
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
  return { child, ended: once(child, 'close').then(([code]) => ({ code: code as number | null, out, err })) };
}

const start = (workspace: string, ...args: readonly string[]) => servery('job', ...args, '-w', workspace);
const job = (workspace: string, ...args: readonly string[]) => start(workspace, ...args).ended;

/** The document of `--json`, which is all that standard output has. */
async function json(workspace: string, ...args: readonly string[]) {
  const { code, out, err } = await job(workspace, ...args, '--json');
  assert.equal(err, '', args.join(' '));
  return { code, value: JSON.parse(out) };
}

describe('without a server', () => {
  let workspace: TemporaryFolder;
  before(async () => void (workspace = await jobWorkspace()));
  after(() => workspace[Symbol.asyncDispose]());

  it('lists jobs with what fires next and what that covers', async () => {
    const { code, value } = await json(workspace.path, 'list');
    assert.equal(code, 0);
    assert.deepEqual(
      value.jobs.map(({ name }: { name: string }) => name),
      ['broken', 'endless', 'nightly'],
    );
    const { next, schedule, scheduleInWords } = value.jobs[2];
    assert.deepEqual([schedule, scheduleInWords], ['cron 0 20 * * * (Asia/Seoul)', 'At 20:00, every day (Asia/Seoul)']);
    const cron = await servery('cron', 'explain', '0 20 * * *', '--timezone', 'Asia/Seoul', '--json').ended;
    const explained = JSON.parse(cron.out) as { description: string };
    assert.equal(scheduleInWords, `${explained.description} (Asia/Seoul)`, 'the words of `cron explain`');
    assert.match(next.firesAt, /T11:00:00Z$/);
    assert.equal(next.interval.end, next.scheduledFor);
    const { out } = await job(workspace.path, 'list');
    assert.match(out, /^JOB +SCHEDULE +NEXT +COVERS +LAST RUN +WHEN +ROWS\n/);
    assert.match(out, /nightly +At 20:00, every day \(Asia\/Seoul\) +[\d-]{10} 20:00 \+09:00 +[\d-]{10} 20:00 \/ /);
  });

  it('shows the next instants', async () => {
    const { value } = await json(workspace.path, 'next', 'nightly', '--count', '3');
    assert.deepEqual([value.job, value.timezone, value.next.length], ['nightly', 'Asia/Seoul', 3]);
  });

  it('lists the exact intervals of a backfill, and makes none', async () => {
    const range = ['--from', '2026-11-01T20:00', '--to', '2026-11-03T20:00'];
    const { value } = await json(workspace.path, 'backfill', 'nightly', ...range, '--dry-run');
    assert.deepEqual(value.intervals, [
      { start: '2026-11-01T11:00:00Z', end: '2026-11-02T11:00:00Z' },
      { start: '2026-11-02T11:00:00Z', end: '2026-11-03T11:00:00Z' },
    ]);
    assert.deepEqual((await json(workspace.path, 'backfills')).value, { backfills: [] });
  });

  it('writes a run down, says why it waits, and cancels it', async () => {
    const interval = ['--interval', '2026-11-01T00:00/2026-11-02T00:00'];
    const { value } = await json(workspace.path, 'run', 'nightly', ...interval, '--param', 'days=3');
    const { run } = value;
    assert.deepEqual(run.interval, { start: '2026-10-31T15:00:00Z', end: '2026-11-01T15:00:00Z' });
    assert.deepEqual([run.state, run.params], ['queued', { days: 3 }]);
    const shown = await job(workspace.path, 'show', run.id);
    assert.match(shown.out, /waits +no worker lives; `servery up` or `servery work` starts one/);
    const cancelled = await job(workspace.path, 'cancel', run.id, '--note', 'not now');
    assert.deepEqual([cancelled.code, cancelled.out], [0, `Cancelled ${run.id}\n`]);
    const again = await json(workspace.path, 'cancel', run.id);
    assert.deepEqual([again.code, again.value.error.code], [1, 'CONFLICT']);
  });

  it('pauses with a note, and resumes', async () => {
    await job(workspace.path, 'pause', 'nightly', '--note', 'the source is down');
    assert.match((await job(workspace.path, 'list')).out, /paused: the source is down/);
    assert.equal((await json(workspace.path, 'resume', 'nightly')).value.job.paused, null);
  });

  it('makes a backfill, and stops it', async () => {
    const range = ['--from', '2026-11-01T20:00', '--to', '2026-11-05T20:00', '--parallel', '2'];
    const { value } = await json(workspace.path, 'backfill', 'nightly', ...range);
    const { id, intervals } = value.backfill;
    assert.deepEqual([intervals.total, intervals.active], [4, 2]);
    assert.equal((await json(workspace.path, 'pause', `backfill/${id}`)).value.backfill.state, 'paused');
    assert.equal((await json(workspace.path, 'cancel', `backfill/${id}`)).value.backfill.state, 'cancelled');
    assert.equal((await json(workspace.path, 'show', `backfill/${id}`)).value.backfill.intervals.cancelled, 4);
  });

  it('refuses in words, with an exit code and a hint', async () => {
    const unknown = await json(workspace.path, 'run', 'nigthly');
    assert.deepEqual([unknown.code, unknown.value.error.hint], [1, 'Did you mean "nightly"?']);
    for (const args of [
      ['run', 'nightly', '--interval', 'today'],
      ['run', 'nightly', '--param', 'days'],
      ['next', 'nightly', '--count', '0'],
      ['runs', '--state', 'asleep'],
      ['backfill', 'nightly', '--from', '2026-11-01'],
      ['backfill', 'nightly', '--from', '2026-11-01', '--to', '2026-11-02', '--order', 'random'],
      ['cancel', 'nightly'],
      ['pause', 'nightly~x~manual.1'],
    ]) {
      const { code, value } = await json(workspace.path, ...args);
      assert.deepEqual([code, value.error.code], [2, 'USAGE'], args.join(' '));
    }
  });
});

describe('with a server', () => {
  let workspace: TemporaryFolder;
  let server: RunningServer;
  before(async () => {
    workspace = await jobWorkspace();
    server = await startServer(workspace.path, { command: 'up' });
  });
  after(async () => {
    await server[Symbol.asyncDispose]();
    await workspace[Symbol.asyncDispose]();
  });

  it('runs a job and waits for its end', async () => {
    const { code, value } = await json(workspace.path, 'run', 'nightly', '--wait', '--param', 'days=2');
    assert.deepEqual([code, value.run.state, value.run.job], [0, 'succeeded', 'nightly']);
    assert.equal((await job(workspace.path, 'logs', value.run.id)).out, 'days 2\n');
    const logs = await json(workspace.path, 'logs', value.run.id);
    assert.deepEqual([logs.value.step, logs.value.attempt, logs.value.text], ['command', 1, 'days 2\n']);
    const shown = await json(workspace.path, 'show', value.run.id);
    assert.equal(shown.value.run.steps[0].details.exitCode, 0);
  });

  it('ends with 1 and the reason when the run fails', async () => {
    const { code, value } = await json(workspace.path, 'run', 'broken', '--wait');
    assert.deepEqual([code, value.run.state, value.error.code], [1, 'failed', 'COMMAND_FAILED']);
    const failed = await job(workspace.path, 'run', 'broken', '--wait');
    assert.deepEqual([failed.code, /^Run \S+ failed\n {2}COMMAND_FAILED: /.test(failed.out)], [1, true], failed.out);
    assert.match((await job(workspace.path, 'logs', value.run.id)).out, /no such shop/);
    const again = await json(workspace.path, 'retry', value.run.id);
    assert.equal(again.value.run.id, value.run.id);
  });

  it('starts a named request once', async () => {
    const first = await json(workspace.path, 'run', 'nightly', '--request', 'tuesday', '--wait');
    const second = await json(workspace.path, 'run', 'nightly', '--request', 'tuesday');
    assert.equal(second.value.run.id, first.value.run.id);
    assert.match((await job(workspace.path, 'run', 'nightly', '--request', 'tuesday')).out, /is there already/);
  });

  it('stops waiting at Ctrl-C, and the run goes on until it is cancelled', async () => {
    const { child, ended } = start(workspace.path, 'run', 'endless', '--wait', '--json', '--request', 'one');
    await until(async () => {
      const { runs } = (await json(workspace.path, 'runs', 'endless', '--state', 'running')).value;
      return runs.length === 1;
    });
    child.kill('SIGINT');
    const { code, out } = await ended;
    const { run } = JSON.parse(out);
    assert.equal(code, 130);
    assert.match(run.state, /^(queued|running)$/, 'as it was seen last');
    const followed = start(workspace.path, 'logs', run.id, '--follow');
    await once(followed.child.stdout!, 'data');
    assert.equal((await json(workspace.path, 'cancel', run.id, '--note', 'enough')).code, 0);
    const end = await followed.ended;
    assert.deepEqual([end.code, end.out.startsWith('up\n')], [0, true]);
    await until(async () => (await json(workspace.path, 'show', run.id)).value.run.state === 'cancelled');
  });
});

describe('in this process', () => {
  let workspace: TemporaryFolder;
  before(async () => {
    workspace = await jobWorkspace();
    await cp(`${ROOT}examples/quickstart/models/iris`, `${workspace.path}/models/iris`, { recursive: true });
    await mkdir(`${workspace.path}/data`);
    const lines = ['5.1,3.5,1.4,0.2', '6.1,2.8,4.7,1.2', 'tall,2.8,4.7,1.2'].map(
      (values, index) => `${index},2026-11-01T0${index}:00:00Z,${values}`,
    );
    const header = 'id,at,sepal_length,sepal_width,petal_length,petal_width';
    await writeFile(`${workspace.path}/data/a.csv`, [header, ...lines, ''].join('\n'));
    const predict = {
      model: 'iris',
      input: { path: 'data/*.csv', timeColumn: 'at', timeZone: 'UTC' },
      output: { path: 'scores/', format: 'csv', mode: 'replaceInterval' },
      passthrough: ['id'],
      onBadRow: 'quarantine',
    };
    const jobs = { ...CONFIG.jobs, scores: { schedule: { cron: '0 0 * * *' }, predict } };
    await writeFile(`${workspace.path}/servery.config.json`, JSON.stringify({ jobs }));
  });
  after(() => workspace[Symbol.asyncDispose]());

  it('runs a job once, and says what came of it', async () => {
    const interval = '2026-11-01T00:00/2026-11-02T00:00';
    const { code, value } = await json(workspace.path, 'run', 'scores', '--interval', interval, '--local');
    const { id, outputs, badRows, ...run } = value.run;
    assert.equal(code, 0);
    assert.match(id, /^scores~20261101T000000Z-20261102T000000Z~manual\./);
    assert.deepEqual([run.job, run.state, run.model], ['scores', 'succeeded', { name: 'iris', version: 1 }]);
    assert.deepEqual(run.interval, { start: '2026-11-01T00:00:00Z', end: '2026-11-02T00:00:00Z' });
    assert.deepEqual([run.rows.in, run.rows.out, run.rows.bad], [3, 2, 1]);
    assert.equal((await readFile(outputs[0], 'utf8')).trim().split('\n').length, 3);
    assert.match(await readFile(badRows[0], 'utf8'), /tall/);

    const listed = await servery('output', 'files', `${workspace.path}/scores`, '--json').ended;
    const { files, rows } = JSON.parse(listed.out);
    assert.deepEqual([rows, files[0].path, files[0].run], [2, outputs[0], id]);
    const nothing = await servery('output', 'files', `${workspace.path}/nothing`, '--json').ended;
    assert.deepEqual([nothing.code, JSON.parse(nothing.out).error.code], [1, 'DATA_NOT_FOUND']);
  });

  it('ends with 1 and the reason when the run fails', async () => {
    const { code, value } = await json(workspace.path, 'run', 'broken', '--local');
    assert.deepEqual([code, value.run.state, value.error.code], [1, 'failed', 'COMMAND_FAILED']);
  });

  it('refuses what it does not know', async () => {
    const unknown = await json(workspace.path, 'run', 'score', '--local');
    assert.deepEqual([unknown.code, unknown.value.error.hint], [1, 'Did you mean "scores"?']);
    const parameter = await json(workspace.path, 'run', 'nightly', '--local', '--param', 'day=1');
    assert.deepEqual([parameter.code, parameter.value.error.code], [1, 'INVALID_REQUEST']);
    const interval = await json(workspace.path, 'run', 'scores', '--local', '--interval', 'today/tomorrow');
    assert.deepEqual([interval.code, interval.value.error.code], [2, 'USAGE']);
  });

  it('ends what it has started at Ctrl-C', async () => {
    const request = ['--request', 'ctrl-c'];
    const { child, ended } = start(workspace.path, 'run', 'endless', '--local', '--json', ...request);
    const log = `${workspace.path}/.servery/logs/runs/endless~manual.ctrl-c/command.1.log`;
    await until(async () => (await readFile(log, 'utf8').catch(() => '')).includes('up'));
    child.kill('SIGINT');
    const { code, out } = await ended;
    assert.deepEqual([code, JSON.parse(out).run.state], [130, 'cancelled']);
  });
});

it('a server that is online only leaves the jobs to state.db', async () => {
  await using workspace = await jobWorkspace();
  await using server = await startServer(workspace.path);
  const { code, value } = await json(workspace.path, 'list');
  assert.deepEqual([code, value.jobs.length], [0, 3]);
  const { paths } = (await (await fetch(`${server.http}/openapi.json`)).json()) as { paths: object };
  assert.deepEqual(
    Object.keys(paths).filter((path) => /\/api\/(jobs|runs|events|backfills)/.test(path)),
    [],
  );
});

async function until(holds: () => Promise<boolean>): Promise<void> {
  const giveUpMs = Date.now() + 30_000;
  while (!(await holds())) assert.ok(Date.now() < giveUpMs, 'it did not happen in time');
}
