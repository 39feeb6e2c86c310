// Setting up a clone, in a miniature of it: the real scripts and the real lock file, cut down to the inner Node.js.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { withoutNpmVariables } from '../../scripts/npm.mjs';

const root = path.resolve(import.meta.dirname, '../..');
const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'servery-setup-'));
after(() => fs.rmSync(scratch, { recursive: true }));

const clone = path.join(scratch, 'clone');
const setupLock = path.join(clone, '.cache', 'setup.lock');
makeMiniature();

test('two setups at once install once, and both end well', async () => {
  const both = await Promise.all([setUp(), setUp()]);
  assert.deepEqual(
    both.map(({ code }) => code),
    [0, 0],
    both.map(({ output }) => output).join('\n'),
  );
  const reports = both.map(({ output }) => output).join('');
  assert.equal(reports.match(/ready in/g)?.length, 1, reports);
  assert.match(innerVersion(), /^v24\./);
});

test('a second setup has nothing to do and says nothing', async () => {
  const again = await setUp();
  assert.deepEqual([again.code, again.output], [0, '']);
  assert.ok(again.seconds < 2, `took ${again.seconds} s`);
});

test('a changed lock file is installed, and the lock of a killed setup does not hold it up', async () => {
  fs.appendFileSync(path.join(clone, 'package-lock.json'), '\n');
  // A pid that is dead, then one that lives but was started at another time.
  for (const owner of [`${deadPid()} 1`, `${process.pid} 1`]) {
    fs.writeFileSync(setupLock, owner);
    fs.rmSync(path.join(clone, 'node_modules', '.setup'), { recursive: true, force: true });
    const { code, output } = await setUp();
    assert.equal(code, 0, output);
    assert.match(output, /ready in/);
    assert.ok(!fs.existsSync(setupLock));
  }
});

test('bin/servery sets up, then runs the command with its arguments and exit code', async () => {
  fs.rmSync(path.join(clone, 'node_modules'), { recursive: true });
  const link = path.join(scratch, 'servery');
  fs.symlinkSync(path.join('clone', 'bin', 'servery'), link);
  const elsewhere = path.join(scratch, 'else where');
  fs.mkdirSync(elsewhere);

  const done = spawnSync(link, ['7', 'two words'], { cwd: elsewhere, encoding: 'utf8', env: environment() });

  assert.equal(done.status, 7, done.stderr);
  assert.deepEqual(JSON.parse(done.stdout), { folder: elsewhere, rest: ['two words'], major: '24' });
});

test('a signal to bin/servery reaches the command itself', async () => {
  const child = spawn(path.join(clone, 'bin', 'servery'), ['wait'], { env: environment() });
  const [ready] = (await once(child.stdout, 'data')) as [Buffer];
  assert.equal(ready.toString(), `${child.pid}\n`);
  child.kill('SIGTERM');
  assert.deepEqual(await once(child, 'exit'), [143, null]);
});

function makeMiniature() {
  fs.mkdirSync(path.join(clone, 'src', 'cli'), { recursive: true });
  for (const part of ['scripts', 'bin', 'tools', '.npmrc']) {
    fs.cpSync(path.join(root, part), path.join(clone, part), { recursive: true });
  }
  const manifest = { name: 'servery', version: '0.0.0', private: true, type: 'module', workspaces: ['tools/node'] };
  fs.writeFileSync(path.join(clone, 'package.json'), JSON.stringify(manifest));

  const lock = JSON.parse(fs.readFileSync(path.join(root, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, object>;
  };
  const isKept = (at: string) => /^(tools\/node|node_modules\/(@servery\/inner-node|node-linux-.*))$/.test(at);
  const kept = Object.fromEntries(Object.entries(lock.packages).filter(([at]) => isKept(at)));
  fs.writeFileSync(
    path.join(clone, 'package-lock.json'),
    JSON.stringify({ ...lock, name: 'servery', version: '0.0.0', packages: { '': manifest, ...kept } }, null, 2),
  );

  fs.writeFileSync(
    path.join(clone, 'src', 'cli', 'main.ts'),
    `const [first, ...rest] = process.argv.slice(2);
    if (first === 'wait') {
      process.on('SIGTERM', () => process.exit(143));
      setInterval(() => {}, 1000);
      console.log(process.pid);
    } else {
      console.log(JSON.stringify({ folder: process.cwd(), rest, major: process.versions.node.split('.')[0] }));
      process.exitCode = Number(first);
    }`,
  );
}

async function setUp(): Promise<{ code: number | null; output: string; seconds: number }> {
  const started = performance.now();
  const child = spawn(process.execPath, ['scripts/setup.mjs'], { cwd: clone, env: environment() });
  let output = '';
  child.stdout.on('data', (text) => (output += text));
  child.stderr.on('data', (text) => (output += text));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, output, seconds: (performance.now() - started) / 1000 };
}

function environment(): NodeJS.ProcessEnv {
  return withoutNpmVariables(process.env);
}

function innerVersion(): string {
  return spawnSync(path.join(clone, 'node_modules', '.bin', 'node'), ['--version'], { encoding: 'utf8' }).stdout;
}

function deadPid(): number {
  return spawnSync('true').pid;
}
