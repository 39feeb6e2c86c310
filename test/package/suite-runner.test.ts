// The runner must see what a test file tries to hide: `npm test` is worth what it notices.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { runTestFile } from '../../scripts/test/run-file.ts';

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'servery-runner-'));
after(() => fs.rmSync(folder, { recursive: true }));

async function run(code: string, timeoutSeconds = 20) {
  const file = path.join(folder, 'sample.test.ts');
  fs.writeFileSync(file, `import { describe, test } from 'node:test';\n${code}`);
  const { passed, failed, skipped, problems } = await runTestFile(file, {
    timeoutSeconds,
    namePattern: undefined,
    env: {},
  });
  return { passed, failed, skipped, problems };
}

test('passed and failed tests are counted, also inside suites', async () => {
  const result = await run(`
    test('good', () => {});
    describe('group', () => {
      test('inner', () => {});
      test('bad', () => { throw new Error('boom'); });
    });`);
  assert.deepEqual(result, { passed: 2, failed: 1, skipped: 0, problems: ['bad: boom'] });
});

test('every way to skip is counted', async () => {
  const result = await run(`
    test('good', () => {});
    test.skip('one', () => {});
    test.todo('two');
    test('three', (t) => t.skip());
    describe.skip('four', () => { test('inner', () => {}); });`);
  assert.deepEqual([result.passed, result.failed, result.skipped], [1, 0, 4]);
});

test('a file without a test fails', async () => {
  assert.deepEqual((await run('')).problems, ['no test in it']);
});

test('a file that does not load fails', async () => {
  assert.deepEqual((await run('throw new Error("load");')).problems, ['exit: 1']);
});

test('a file that leaves in the middle fails, though its exit code is 0', async () => {
  const { failed } = await run(`
    test('good', () => {});
    test('leaves', async () => { await new Promise((resolve) => setTimeout(resolve, 100)); process.exit(0); });
    test('never reached', () => {});`);
  assert.equal(failed, 1);
});

test('a file that hangs is ended', async () => {
  const { problems } = await run(`test('good', () => {}); setInterval(() => {}, 1000);`, 2);
  assert.deepEqual(problems, ['ended after 2 s']);
});

test('a process that a file leaves behind is ended and named', async () => {
  const { problems } = await run(`
    import { spawn } from 'node:child_process';
    test('forgets', () => { spawn('sleep', ['12345'], { stdio: 'inherit' }).unref(); });`);
  assert.deepEqual(problems, ['left running: sleep 12345']);
});
