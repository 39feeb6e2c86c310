/** `servery predict`, as people run it: files, streams, errors, a kill in the middle. */
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { batchWorkspace, type BatchWorkspace } from '../support/batch-models.ts';

const SERVERY = new URL('../../bin/servery', import.meta.url).pathname;

let workspace: BatchWorkspace;
before(async () => {
  workspace = await batchWorkspace('doubler', 'slow', 'quickstart/iris', 'endless-on-negative');
});
after(() => workspace[Symbol.asyncDispose]());

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function servery(args: readonly string[], stdin = ''): Promise<Ended> {
  return new Promise((resolve) => {
    const child = execFile(SERVERY, [...args, '-w', workspace.path], (_error, stdout, stderr) =>
      resolve({ code: child.exitCode, stdout, stderr }),
    );
    child.stdin!.end(stdin);
  });
}

const at = (name: string) => join(workspace.path, name);

describe('servery predict', () => {
  it('ends with its error, and its exit code, when a call of the model never ends', async () => {
    await writeFile(at('endless.csv'), 'x\n1\n-1\n');
    const args = ['predict', 'endless-on-negative', '-i', at('endless.csv'), '-o', at('endless-out.csv')];
    const plain = await servery([...args, '--batch-timeout', '500ms']);
    assert.equal(plain.code, 1);
    assert.match(plain.stderr, /has not answered a batch of \d rows in 500 ms\n {2}DEADLINE_EXCEEDED: Raise/);
    const asJson = await servery([...args, '--batch-timeout', '500ms', '--json']);
    assert.equal(asJson.code, 1);
    assert.equal((JSON.parse(asJson.stdout) as { error: { code: string } }).error.code, 'DEADLINE_EXCEEDED');
    assert.ok(!(await readdir(workspace.path)).includes('endless-out.csv'));
  });

  it('likewise as the step of a job that is run here', async () => {
    await writeFile(at('endless.csv'), 'x\n-1\n');
    const input = { path: 'endless.csv' };
    const predict = { model: 'endless-on-negative', input, output: { path: 'endless/' }, batchTimeout: '500ms' };
    await writeFile(at('servery.config.json'), JSON.stringify({ jobs: { endless: { predict } } }));
    const { code, stdout } = await servery(['job', 'run', 'endless', '--local', '--json']);
    await rm(at('servery.config.json'));
    assert.equal(code, 1);
    const { run } = JSON.parse(stdout) as { run: { state: string; error: { code: string } } };
    assert.deepEqual([run.state, run.error.code], ['failed', 'DEADLINE_EXCEEDED']);
  });

  it('writes a file and says so', async () => {
    await writeFile(at('in.csv'), 'id,x\na,1\nb,2\n');
    const { code, stdout } = await servery([
      'predict',
      'doubler',
      '-i',
      at('in.csv'),
      '-o',
      at('out.csv'),
      '--passthrough',
      'id',
    ]);
    assert.equal(code, 0);
    assert.match(stdout, /^2 rows in, 2 out, by doubler\/1: .*out\.csv\n$/);
    assert.equal(await readFile(at('out.csv'), 'utf8'), 'id,y\na,2.0\nb,4.0\n');
  });

  it('prints one document with --json, also about bad rows', async () => {
    await writeFile(at('bad.csv'), 'x\n1\ntwo\n3\n');
    const args = ['predict', 'doubler', '-i', at('bad.csv'), '-o', at('bad.parquet'), '--json'];
    const { code, stdout } = await servery([...args, '--on-bad-row', 'quarantine']);
    assert.equal(code, 0);
    const { run } = JSON.parse(stdout) as { run: Record<string, unknown> };
    assert.deepEqual(run['rows'], { in: 3, out: 2, bad: 1, nulled: 0 });
    assert.deepEqual(run['model'], { name: 'doubler', version: 1 });
    assert.deepEqual(run['outputs'], [at('bad.parquet')]);
    const [badRows] = run['badRows'] as string[];
    assert.match(await readFile(badRows!, 'utf8'), /"row":2/);

    const failed = await servery(args);
    assert.equal(failed.code, 1);
    const { error } = JSON.parse(failed.stdout) as { error: Record<string, string> };
    assert.equal(error['code'], 'DATA_INVALID');
    assert.match(error['message']!, /row 2 of/);
  });

  it("reads a request of MLflow's scoring server, with every digit", async () => {
    await workspace.put('identity-int64');
    await writeFile(at('models/identity-int64/model.yaml'), 'inputs: { x: { features: [a, b] } }\n');
    const predict = async (document: string, ...more: string[]) => {
      await writeFile(at('request.json'), document);
      return servery(['predict', 'identity-int64', '-i', at('request.json'), '-o', '-', '--format', 'ndjson', ...more]);
    };
    for (const document of [
      '{"dataframe_split": {"columns": ["b", "a"], "data": [[9007199254740993, 1]]}}',
      '{"dataframe_records": [{"a": 1, "b": 9007199254740993}]}',
      '{"inputs": {"a": [1], "b": [9007199254740993]}}',
    ]) {
      assert.equal((await predict(document)).stdout, '{"y":[1,9007199254740993]}\n', document);
    }
    for (const document of ['{"inputs": [[1, 2]]}', '{"dataframe_split": {"data": [[1, 2]]}}', '{"rows": []}', '[1]']) {
      const { code, stderr } = await predict(document);
      assert.equal(code, 1, document);
      assert.match(stderr, /expected rows with names/);
    }
    assert.match((await predict('{')).stderr, /INVALID_REQUEST/);
  });

  it('reads standard input and writes standard output', async () => {
    const { code, stdout } = await servery(
      ['predict', 'doubler', '-i', '-', '-o', '-', '--format', 'ndjson'],
      'x\n1\n2\n',
    );
    assert.deepEqual([code, stdout], [0, '{"y":2.0}\n{"y":4.0}\n']);
  });

  it('exits with 2 when it is used wrongly', async () => {
    for (const more of [
      [],
      ['-o', '-', '--json'],
      ['-o', 'x.csv', '--on-bad-row', 'whatever'],
      ['-o', 'x.csv', '--max-bad-rows', 'x'],
    ]) {
      const { code } = await servery(['predict', 'doubler', '-i', at('in.csv'), ...more]);
      assert.equal(code, 2, more.join(' '));
    }
  });

  it('goes on after a kill, with the bytes of a run that nobody disturbed', async () => {
    await writeFile(at('many.csv'), `x\n${Array.from({ length: 20 }, (_, i) => i).join('\n')}\n`);
    const args = ['predict', 'slow', '-i', at('many.csv'), '--passthrough', 'x', '--chunk-rows', '4'];
    await servery([...args, '-o', at('whole.csv')]);

    const child = spawn(SERVERY, [...args, '-o', at('killed.csv'), '-w', workspace.path], { stdio: 'ignore' });
    const ledger = await untilCommitted(child);
    child.kill('SIGKILL');
    await once(child, 'exit');
    assert.ok(!(await readdir(workspace.path)).includes('killed.csv'), 'half an output is visible');
    const committed = (await readFile(ledger, 'utf8')).split('\n').filter((line) => line.startsWith('{"chunk"'));
    assert.ok(committed.length >= 2);

    const { code } = await servery([...args, '-o', at('killed.csv'), '--resume']);
    assert.equal(code, 0);
    assert.equal(await readFile(at('killed.csv'), 'utf8'), await readFile(at('whole.csv'), 'utf8'));
  });

  /** Waits until two chunks are committed. @returns the ledger */
  async function untilCommitted(child: { readonly exitCode: number | null }): Promise<string> {
    const staging = at('.killed.csv.servery/staging');
    for (;;) {
      assert.equal(child.exitCode, null, 'it ended before it could be killed');
      for (const name of await readdir(staging).catch(() => [])) {
        const ledger = join(staging, name, 'ledger.ndjson');
        const text = await readFile(ledger, 'utf8').catch(() => '');
        if (text.split('{"chunk"').length > 2) return ledger;
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
});

describe('servery parity and profile', () => {
  it('compare and measure', async () => {
    await writeFile(at('xs.csv'), `x\n${Array.from({ length: 30 }, (_, i) => i / 7).join('\n')}\n`);
    const parity = await servery(['parity', 'doubler', at('xs.csv'), '--json']);
    assert.equal(parity.code, 0, parity.stdout);
    assert.equal((JSON.parse(parity.stdout) as { parity: { answers: number } }).parity.answers, 90);

    const profile = await servery(['profile', 'doubler', '--seconds', '0.05', '--price-per-hour', '0.5', '--json']);
    assert.equal(profile.code, 0, profile.stdout);
    const { profile: measured } = JSON.parse(profile.stdout) as { profile: Record<string, unknown> };
    assert.equal(measured['pricePerHour'], 0.5);
    assert.ok((measured['batches'] as unknown[]).length > 2);
  });
});
