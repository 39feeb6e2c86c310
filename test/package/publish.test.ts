// What somebody gets who runs `npm i servery` in an empty folder.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { findNpm, withoutNpmVariables } from '../../scripts/npm.mjs';

const root = path.resolve(import.meta.dirname, '../..');
const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'servery-package-'));
after(() => fs.rmSync(scratch, { recursive: true }));

const withoutOptional = path.join(scratch, 'client-only');
const complete = path.join(scratch, 'complete');
const npm = findNpm(process.execPath);
const environment = {
  ...withoutNpmVariables(process.env),
  PATH: `${path.dirname(process.execPath)}${path.delimiter}${process.env['PATH']}`,
  // Its install script would fetch GPU libraries, which an install without internet cannot.
  ONNXRUNTIME_NODE_INSTALL: 'skip',
};

let tarball = '';
before(() => {
  const packed = JSON.parse(runNpm(root, 'pack', '--json', '--pack-destination', scratch)) as [{ filename: string }];
  tarball = path.join(scratch, packed[0].filename);
  for (const [folder, args] of [
    [withoutOptional, ['--omit=optional']],
    [complete, []],
  ] as const) {
    fs.mkdirSync(folder);
    fs.writeFileSync(path.join(folder, 'package.json'), '{ "private": true, "type": "module" }');
    runNpm(folder, 'install', '--no-audit', '--no-fund', ...args, tarball);
  }
});

test('it holds what runs, and nothing else', () => {
  const names = fs.readdirSync(packageIn(complete)).sort();
  const expected = ['LICENSE', 'README.md', 'bin', 'dist', 'package.json'];
  assert.deepEqual(names, fs.existsSync(path.join(root, 'README.md')) ? expected : expected.toSpliced(1, 1));
  assert.deepEqual(fs.readdirSync(path.join(packageIn(complete), 'bin')), ['servery-cli.mjs']);
  const sources = fs.globSync('dist/**/*.ts', { cwd: packageIn(complete) }).filter((file) => !file.endsWith('.d.ts'));
  assert.deepEqual(sources, []);
});

test('publint finds nothing', async () => {
  const { messages, pkg } = await publint({ pkgDir: packageIn(complete), pack: false, strict: true });
  assert.deepEqual(
    messages.map((message) => formatMessage(message, pkg, { color: false })),
    [],
  );
});

test('without optional packages the install is small', (t) => {
  const megabytes = sizeOf(withoutOptional) / 1e6;
  t.diagnostic(`--omit=optional: ${megabytes.toFixed(1)} MB; complete: ${(sizeOf(complete) / 1e6).toFixed(0)} MB`);
  assert.ok(megabytes < 25, `${megabytes.toFixed(1)} MB, and 25 is the budget`);
});

test('no version of Node.js comes with it', () => {
  assert.deepEqual(fs.globSync('node_modules/node-linux-*', { cwd: complete }), []);
});

test('both entries can be imported, the client without optional packages', () => {
  const client = `import { createClient } from 'servery/client'; console.log(typeof createClient);`;
  assert.equal(evaluate(withoutOptional, client), 'function');
  const server = `import { createServery, defineConfig } from 'servery'; console.log(typeof createServery);`;
  assert.equal(evaluate(complete, server), 'function');
});

test('a TypeScript project sees the types', () => {
  const code = `
    import { createServery, defineConfig, defineHandler, ServeryError } from 'servery';
    import { createClient, type ServeryClient } from 'servery/client';
    export const client: ServeryClient = createClient({ url: 'http://127.0.0.1:8080' });
    export default defineConfig({});
    // @ts-expect-error an option that does not exist, which proves that these are not \`any\`
    defineConfig({ thereIsNoSuchOption: 1 });
    void [createServery, defineHandler, ServeryError];`;
  fs.writeFileSync(path.join(complete, 'user.ts'), code);
  const compiler = path.join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const types = ['--types', 'node', '--typeRoots', path.join(root, 'node_modules', '@types')];
  const options = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2024', '--lib', 'esnext', ...types];
  const done = spawnSync(process.execPath, [compiler, ...options, 'user.ts'], { cwd: complete, encoding: 'utf8' });
  assert.equal(done.status, 0, done.stdout);
});

test('servery init, then servery up, serve a workspace', { timeout: 120_000 }, async () => {
  const command = path.join(complete, 'node_modules', '.bin', 'servery');
  const made = spawnSync(command, ['init', 'shop'], { cwd: complete, encoding: 'utf8', env: environment });
  assert.equal(made.status, 0, made.stderr);

  const server = spawn(command, ['up', 'shop', '--http', '127.0.0.1:0', '--grpc', '127.0.0.1:0'], {
    cwd: complete,
    env: environment,
    stdio: 'inherit',
  });
  const exited = once(server, 'exit');
  try {
    const address = await untilReady(path.join(complete, 'shop', '.servery', 'server.json'), () => server.exitCode);
    const answer = await fetch(`${address}/models/discount/predict`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ rows: [{ total: 500, is_member: true }] }),
    });
    assert.equal(answer.status, 200);
    const { rows } = (await answer.json()) as { rows: unknown };
    assert.deepEqual(rows, [{ discount: 0.2, label: 'generous' }]);
  } finally {
    server.kill('SIGTERM');
  }
  const [code] = (await exited) as [number | null];
  // A drained server ends well; 143 says that the signal was the reason.
  assert.ok(code === 0 || code === 143, `exit code ${code}`);
});

async function untilReady(serverFile: string, exitCode: () => number | null): Promise<string> {
  for (let tries = 0; tries < 600; tries += 1) {
    assert.equal(exitCode(), null, 'the server ended before it was ready');
    await sleep(100);
    if (!fs.existsSync(serverFile)) continue;
    const { http } = JSON.parse(fs.readFileSync(serverFile, 'utf8')) as { http?: string };
    if (http === undefined) continue;
    const ready = await fetch(`${http}/v2/health/ready`).catch(() => undefined);
    if (ready?.status === 200) return http;
  }
  throw new Error('not ready after 60 s');
}

function packageIn(folder: string): string {
  return path.join(folder, 'node_modules', 'servery');
}

function sizeOf(folder: string): number {
  const entries = fs.readdirSync(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  return files.reduce((total, file) => total + fs.statSync(path.join(file.parentPath, file.name)).size, 0);
}

function evaluate(folder: string, code: string): string {
  const done = spawnSync(process.execPath, ['--input-type=module', '--eval', code], { cwd: folder, encoding: 'utf8' });
  assert.equal(done.status, 0, done.stderr);
  return done.stdout.trim();
}

function runNpm(folder: string, ...args: readonly string[]): string {
  const done = spawnSync(npm.command, [...npm.args, ...args, '--loglevel=error'], {
    cwd: folder,
    encoding: 'utf8',
    env: environment,
  });
  assert.equal(done.status, 0, `npm ${args.join(' ')}: ${done.stderr}${done.stdout}`);
  return done.stdout;
}
