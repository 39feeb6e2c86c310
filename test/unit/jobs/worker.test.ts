import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { logFile } from '../../../src/jobs/run-files.ts';
import type { RunResult } from '../../../src/jobs/run-result.ts';
import { jobBench, makeJob, node, type JobBench } from '../../support/jobs.ts';

const OVER = ['succeeded', 'failed', 'skipped', 'cancelled'] as const;

describe('worker', { timeout: 60_000 }, () => {
  it('runs a command with its environment and keeps its result and its output', async () => {
    await using bench = await jobBench();
    const job = makeJob('hello', {
      params: { who: { type: 'string', default: 'you' } },
      env: { GREETING: 'good day' },
      command: node(
        `console.log(process.env.GREETING); console.error('careful');
         require('fs').writeFileSync(process.env.SERVERY_RESULT_FILE, JSON.stringify({
           ...Object.fromEntries(Object.entries(process.env).filter(([k]) => /^SERVERY_(?!TEST_)/.test(k))), cwd: process.cwd() }))`,
      ),
    });
    await bench.configure(job);
    bench.work();
    const { id } = await bench.add(job);
    const run = await bench.until(id, ...OVER);
    assert.equal(run.state, 'succeeded', JSON.stringify(run.error));
    const result = resultOf(run).results['command'] as Record<string, string>;
    assert.deepEqual(
      { ...result, SERVERY_RESULT_FILE: '', SERVERY_ARTIFACT_DIR: '' },
      {
        SERVERY_JOB: 'hello',
        SERVERY_RUN_ID: id,
        SERVERY_STEP: 'command',
        SERVERY_ATTEMPT: '1',
        SERVERY_INTERVAL_START: '',
        SERVERY_INTERVAL_END: '',
        SERVERY_TIMEZONE: 'UTC',
        SERVERY_PARAMS: '{}',
        SERVERY_RESULTS: '{}',
        SERVERY_RESULT_FILE: '',
        SERVERY_ARTIFACT_DIR: '',
        cwd: bench.folder,
      },
    );
    assert.deepEqual((await log(bench, id)).trim().split('\n').sort(), ['careful', 'good day']);
    assert.ok(!existsSync(join(bench.folder, '.servery', 'runs', id)), 'scratch space is gone');
  });

  it('passes results on, and starts what a rule allows when a step fails', async () => {
    await using bench = await jobBench();
    const job = makeJob('graph', {
      steps: {
        load: { command: node(leave({ rows: 7 })) },
        broken: { needs: ['load'], command: node('process.exit(3)') },
        repair: {
          needs: ['load', 'broken'],
          when: 'one_failed',
          command: node('require("fs").writeFileSync(process.env.SERVERY_RESULT_FILE, process.env.SERVERY_RESULTS)'),
        },
        never: { needs: ['broken'], command: node('') },
      },
    });
    await bench.configure(job);
    bench.work();
    const run = await bench.until((await bench.add(job)).id, ...OVER);
    assert.equal(run.state, 'failed');
    assert.deepEqual(run.error, { code: 'COMMAND_FAILED', message: 'broken: The program failed: exit code 3' });
    assert.deepEqual(resultOf(run).results['repair'], { load: { rows: 7 } });
    const states = (await bench.engine.steps(run.id)).map(({ step, state, details }) => [step, state, details]);
    assert.deepEqual(
      states.find(([step]) => step === 'never'),
      ['never', 'skipped', { because: 'upstreamFailed' }],
    );
  });

  it('does only what is not done when a run is attempted again', async () => {
    await using bench = await jobBench();
    const count = (name: string) => `require('fs').appendFileSync('${name}', 'x');`;
    const job = makeJob('again', {
      retry: { attempts: 3, delay: '10ms' },
      steps: {
        first: { command: node(count('first')) },
        second: {
          needs: ['first'],
          command: node(`${count('second')} process.exit(process.env.SERVERY_ATTEMPT === '3' ? 0 : 1)`),
        },
      },
    });
    await bench.configure(job);
    bench.work();
    const run = await bench.until((await bench.add(job)).id, ...OVER);
    assert.equal(run.state, 'succeeded');
    assert.equal(run.attempt, 3);
    assert.equal(await readFile(join(bench.folder, 'first'), 'utf8'), 'x');
    assert.equal(await readFile(join(bench.folder, 'second'), 'utf8'), 'xxx');
  });

  it('hides secrets in the output and in the result', async () => {
    await using bench = await jobBench();
    process.env['TEST_SHOP_KEY'] = 'hunter2-€';
    const job = makeJob('secret', {
      env: { KEY: { secret: 'TEST_SHOP_KEY' } },
      command: node(`process.stdout.write(process.env.KEY.slice(0, 4));
        setTimeout(() => console.log(process.env.KEY.slice(4)), 50); ${leave('process.env.KEY', true)}`),
    });
    await bench.configure(job);
    bench.work();
    const run = await bench.until((await bench.add(job)).id, ...OVER);
    assert.equal((await log(bench, run.id)).trim(), '***');
    assert.equal(resultOf(run).results['command'], '***');
    assert.ok(!JSON.stringify(await bench.engine.getDefinition(job.definitionHash)).includes('hunter2'));
  });

  it('names a secret that is not there', async () => {
    await using bench = await jobBench();
    const job = makeJob('secret', { env: { KEY: { secret: 'NOT_SET_ANYWHERE' } }, command: node('') });
    await bench.configure(job);
    bench.work();
    const run = await bench.until((await bench.add(job)).id, ...OVER);
    assert.equal(run.error?.code, 'SECRET_NOT_FOUND');
  });

  it('says what was wrong with a program that cannot be started', async () => {
    await using bench = await jobBench();
    const missing = makeJob('missing', { command: ['no-such-program'] });
    const nowhere = makeJob('nowhere', { command: ['true'], cwd: 'no/such/folder' });
    await bench.configure(missing, nowhere);
    bench.work();
    const runs = await Promise.all(
      [missing, nowhere].map(async (job) => bench.until((await bench.add(job)).id, ...OVER)),
    );
    assert.deepEqual(
      runs.map(({ error }) => error?.message),
      [
        'Cannot start "no-such-program": there is no such program',
        'Cannot start the program: its `cwd` is not a folder',
      ],
    );
  });

  it('skips a step by its exit code, and those that need it', async () => {
    await using bench = await jobBench();
    const job = makeJob('skip', {
      skipExitCodes: [99],
      steps: { a: { command: node('process.exit(99)') }, b: { needs: ['a'], command: node('') } },
    });
    await bench.configure(job);
    bench.work();
    const run = await bench.until((await bench.add(job)).id, ...OVER);
    assert.equal(run.state, 'skipped');
  });

  it('cancels a whole process group, also one that ignores SIGTERM', async () => {
    await using bench = await jobBench();
    const job = makeJob('stubborn', {
      shell: true,
      stopGrace: '200ms',
      command: `trap '' TERM; (trap '' TERM; while :; do sleep 0.1; done) & echo $! > child; echo $$ > shell; wait`,
    });
    await bench.configure(job);
    bench.work();
    const { id } = await bench.add(job);
    const pids = await Promise.all(['child', 'shell'].map(async (name) => Number(await appears(bench, name))));
    await bench.engine.requestCancel(id, { reason: 'a test wants it' });
    const run = await bench.until(id, ...OVER);
    assert.equal(run.state, 'cancelled');
    for (const pid of pids) assert.ok(await isGone(pid), `${pid} is gone`);
    assert.match(await log(bench, id), /stopping the program: a test wants it/);
  });

  it('ends what a program leaves running', async () => {
    await using bench = await jobBench();
    const job = makeJob('daemon', { shell: true, command: 'sleep 600 & echo $! > child' });
    await bench.configure(job);
    bench.work();
    const run = await bench.until((await bench.add(job)).id, ...OVER);
    assert.equal(run.state, 'succeeded');
    assert.ok(await isGone(Number(await appears(bench, 'child'))));
  });

  it('fails a step that takes too long, and says which', async () => {
    await using bench = await jobBench();
    const job = makeJob('slow', { timeout: { step: '200ms' }, command: ['sleep', '600'] });
    await bench.configure(job);
    bench.work();
    const run = await bench.until((await bench.add(job)).id, ...OVER);
    assert.deepEqual(run.error, { code: 'TIMED_OUT', message: 'Step command took longer than 200ms' });
  });

  it('hands a run over when it must leave before the run is done', async () => {
    await using bench = await jobBench();
    const job = makeJob('long', {
      stopGrace: '100ms',
      shell: true,
      command: 'echo x >> began; [ "$SERVERY_ATTEMPT" = 2 ] || exec sleep 600',
    });
    await bench.configure(job);
    const first = bench.work({ stopGraceMs: 100 });
    const { id } = await bench.add(job);
    await appears(bench, 'began');
    await first[Symbol.asyncDispose]();
    assert.equal((await bench.engine.getRun(id)).state, 'retrying');
    bench.work();
    assert.equal((await bench.until(id, ...OVER)).state, 'succeeded');
  });

  it('keeps the beginning and the end of an output that is too long', async () => {
    await using bench = await jobBench();
    const job = makeJob('loud', {
      command: node(`for (let i = 0; i < 100000; i += 1) console.log('line ' + i); console.log('the end')`),
    });
    await bench.configure(job);
    bench.work({ maxLogBytes: 20_000 });
    const run = await bench.until((await bench.add(job)).id, ...OVER);
    const text = await log(bench, run.id);
    assert.ok(text.length < 40_000);
    assert.match(text, /^line 0\n/);
    assert.match(text, /\d+ bytes left out, the end follows/);
    assert.match(text, /the end\n$/);
  });

  it('refuses a result that is no JSON, or too large', async () => {
    await using bench = await jobBench();
    const bad = makeJob('bad', { command: node(`require('fs').writeFileSync(process.env.SERVERY_RESULT_FILE, '{')`) });
    const large = makeJob('large', { command: node(leave('x'.repeat(20_000))) });
    await bench.configure(bad, large);
    bench.work();
    const [one, two] = await Promise.all(
      [bad, large].map(async (job) => bench.until((await bench.add(job)).id, ...OVER)),
    );
    assert.match(one!.error!.message, /not JSON/);
    assert.match(two!.error!.message, /20002 bytes, expected at most 10000/);
  });
});

/** Code that leaves a result. */
function leave(value: unknown, isExpression = false): string {
  const text = isExpression ? `JSON.stringify(${String(value)})` : JSON.stringify(JSON.stringify(value));
  return `require('fs').writeFileSync(process.env.SERVERY_RESULT_FILE, ${text})`;
}

function resultOf(run: { readonly result: unknown }): RunResult {
  return run.result as RunResult;
}

async function log({ folder }: JobBench, runId: string, step = 'command', attempt = 1): Promise<string> {
  return readFile(logFile(join(folder, '.servery'), runId, step, attempt), 'utf8');
}

/** The text of a file as soon as there is some. */
async function appears({ folder }: JobBench, name: string): Promise<string> {
  for (;;) {
    const text = await readFile(join(folder, name), 'utf8').catch(() => '');
    if (text !== '') return text;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

async function isGone(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => ') X');
  return ['Z', 'X'].includes(stat.slice(stat.lastIndexOf(')') + 2)[0]!);
}
