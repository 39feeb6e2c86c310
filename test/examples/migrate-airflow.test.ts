/** The DAG of docs/migrate.md as a job: it catches up on two days, tries again what failed, and runs the same programs. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { startServer, type RunningServer } from '../support/workspace-server.ts';

const ROOT = new URL('../../', import.meta.url).pathname;
const BEGIN = 'start: 2024-11-01T02:00';

/** Delivered by the shop. Both last orders belong to the interval after. */
const INBOX = {
  '2024-10-31': '2024-10-31T17:00:00,5\n2024-11-01T16:59:59,2.5\n2024-11-01T17:00:00,100\n',
  '2024-11-01': '2024-11-01T17:00:00,100\n2024-11-02T03:00:00,1\n2024-11-02T17:00:00,7\n',
};
const DAYS = [
  { start: '2024-10-31T17:00:00+00:00', end: '2024-11-01T17:00:00+00:00', orders: 2, total: 7.5 },
  { start: '2024-11-01T17:00:00+00:00', end: '2024-11-02T17:00:00+00:00', orders: 2, total: 101 },
];

interface RunView {
  readonly id: string;
  readonly state: string;
  readonly attempt: number;
}

describe('a DAG of Airflow', { timeout: 120_000 }, () => {
  it('runs as a job over each interval since its start, with its retries and its programs', async () => {
    await using workspace = await temporaryFolder();
    const { path } = workspace;
    await cp(`${ROOT}examples/migrate/airflow`, path, { recursive: true });
    await Promise.all(['models', 'inbox'].map((name) => mkdir(`${path}/${name}`)));
    const config = `${path}/servery.config.yaml`;
    const text = await readFile(config, 'utf8');
    assert.ok(text.includes(BEGIN));
    // Two days are enough, and the schedule goes on to today.
    await writeFile(config, text.replace(BEGIN, `${BEGIN}, end: 2024-11-03T02:00`));
    await writeFile(`${path}/inbox/2024-10-31.csv`, INBOX['2024-10-31']);
    await using server = await startServer(path, { command: 'up' });

    // The second delivery is late: the attempts that miss it fail.
    await runsWhen(server, (runs) => runs.some(({ state }) => state === 'retrying'));
    await writeFile(`${path}/inbox/2024-11-01.csv`, INBOX['2024-11-01']);
    const runs = await runsWhen(server, (all) => all.length === 2 && all.every(({ state }) => state === 'succeeded'));
    assert.ok(
      runs.every(({ id }) => id.endsWith('~schedule')),
      'the schedule made them, nobody else',
    );
    const attempts = runs.map(({ attempt }) => attempt);
    assert.ok(Math.max(...attempts) > 1, `attempts ${attempts.join()}`);
    assert.equal(await server.stop(), 0);
    assert.deepEqual(await report(path), DAYS);

    program(path, 'python3', '-m', 'py_compile', 'dag.py');
    // What Airflow calls, with the texts that its templates give.
    await rm(`${path}/out`, { recursive: true });
    for (const { start, end } of DAYS) {
      program(path, 'bash', 'programs/extract.sh', start, end);
      program(path, 'python3', '-c', `from programs.sales import total; total("${start}", "${end}")`);
    }
    program(path, 'bash', '-c', 'cat out/*.json > report.ndjson');
    assert.deepEqual(await report(path), DAYS);
  });
});

async function report(path: string): Promise<unknown> {
  const lines = (await readFile(`${path}/report.ndjson`, 'utf8')).trim().split('\n');
  return lines.map((line) => JSON.parse(line) as unknown);
}

function program(cwd: string, command: string, ...args: readonly string[]): void {
  const { status, stderr } = spawnSync(command, args, { cwd, encoding: 'utf8' });
  assert.equal(status, 0, stderr);
}

async function runsWhen({ http, log }: RunningServer, isSo: (runs: readonly RunView[]) => boolean) {
  for (;;) {
    const { runs } = (await (await fetch(`${http}/api/runs?job=daily-sales`)).json()) as { runs: readonly RunView[] };
    if (isSo(runs)) return runs;
    assert.ok(!runs.some(({ state }) => state === 'failed'), log());
    await sleep(20);
  }
}
