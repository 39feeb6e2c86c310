/** A workspace without models: jobs that are programs, as somebody who comes from cron has them. */
import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { servery } from '../support/command.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { startServer } from '../support/workspace-server.ts';

const CRONTAB = 'SHELL=/bin/sh\n0 20 * * 1-5 echo done\n';

describe('a workspace of jobs alone', { timeout: 120_000 }, () => {
  it('is checked, run and served as `cron import` has written it', async () => {
    await using workspace = await temporaryFolder();
    const cwd = workspace.path;
    await writeFile(join(cwd, 'crontab'), CRONTAB);
    const { stdout } = await servery(['cron', 'import', 'crontab'], { cwd });
    await writeFile(join(cwd, 'servery.config.yaml'), stdout);
    assert.equal(await problemsOf(cwd), '');
    assert.equal(await stateOf(cwd, 'echo', '--local'), 'succeeded');
    await using server = await startServer(cwd, { command: 'up' });
    assert.equal(await stateOf(cwd, 'echo', '--wait'), 'succeeded');
    assert.match(server.log(), /"level":"info".*There is no models folder yet/);
    assert.equal(await server.stop(), 0);
  });

  it('may be a folder jobs/ and nothing else', async () => {
    await using workspace = await temporaryFolder();
    await mkdir(join(workspace.path, 'jobs'));
    await writeFile(join(workspace.path, 'jobs/hello.yaml'), 'command: [echo, hello]\n');
    assert.equal(await problemsOf(workspace.path), '');
    assert.equal(await stateOf(workspace.path, 'hello', '--local'), 'succeeded');
  });

  it('is none when there are no jobs either', async () => {
    await using workspace = await temporaryFolder();
    await writeFile(join(workspace.path, 'servery.config.yaml'), '{}');
    assert.match(await problemsOf(workspace.path), /nothing to serve and nothing to run/);
  });
});

async function problemsOf(cwd: string): Promise<string> {
  const { code, stdout } = await servery(['check', '--json'], { cwd });
  const { ok, problems } = JSON.parse(stdout) as { ok: boolean; problems: readonly string[] };
  assert.deepEqual([ok, code], [problems.length === 0, problems.length === 0 ? 0 : 1]);
  return problems.join('\n');
}

async function stateOf(cwd: string, job: string, how: string): Promise<string> {
  const { stdout, stderr } = await servery(['job', 'run', job, how, '--json'], { cwd });
  const { run } = JSON.parse(stdout) as { run?: { state: string } };
  return run?.state ?? stdout + stderr;
}
