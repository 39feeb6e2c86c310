/** The commands about models and the workspace, as processes: what they print, what they leave, how they exit. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, mkdir, readFile, writeFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { after, before, describe, it } from 'node:test';
import { servery } from '../support/command.ts';
import { temporaryFolder, type TemporaryFolder } from '../support/temporary-folder.ts';
import { startServer, workspaceWith, type RunningServer } from '../support/workspace-server.ts';

const ROOT = new URL('../../', import.meta.url).pathname;
const MODELS = `${ROOT}test/fixtures/models`;
const fixture = (name: string) => `test/fixtures/models/${name}`;

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- documents are looked at field by field
type Json = any;

/** Runs with `--json`: standard output is one document and nothing else, whatever happens. */
async function json(cwd: string, ...args: readonly string[]): Promise<{ code: unknown; value: Json }> {
  const { code, stdout } = await servery([...args, '--json'], { cwd });
  return { code, value: JSON.parse(stdout) as Json };
}

async function refused(cwd: string, args: readonly string[], code: string, exitCode: number): Promise<void> {
  const inJson = await json(cwd, ...args);
  assert.equal(inJson.value.error?.code, code, args.join(' '));
  assert.deepEqual(Object.keys(inJson.value as object), ['error']);
  assert.deepEqual(Object.keys(inJson.value.error as object), ['code', 'message', 'hint']);
  assert.equal(inJson.code, exitCode, args.join(' '));
  const inWords = await servery(args, { cwd });
  assert.equal(inWords.stdout, '', args.join(' '));
  assert.match(inWords.stderr, new RegExp(`^servery: .+\n  ${code}: .+\n$`), args.join(' '));
  assert.equal(inWords.code, exitCode);
}

describe('without a server', () => {
  let folder: TemporaryFolder;
  let good: TemporaryFolder;
  before(async () => {
    folder = await temporaryFolder();
    good = await workspaceWith({ m: fixture('versions'), iris: 'examples/quickstart/models/iris' });
  });
  after(() => Promise.all([folder, good].map((one) => one[Symbol.asyncDispose]())));

  for (const { args, code, exitCode } of [
    { args: ['nope'], code: 'USAGE', exitCode: 2 },
    { args: ['model', 'show'], code: 'USAGE', exitCode: 2 },
    { args: ['check', '--nope'], code: 'USAGE', exitCode: 2 },
    { args: ['token', 'bob', '--scopes', 'root'], code: 'USAGE', exitCode: 2 },
    { args: ['check', 'not-there'], code: 'WORKSPACE_NOT_FOUND', exitCode: 2 },
    { args: ['serve', 'not-there'], code: 'WORKSPACE_NOT_FOUND', exitCode: 2 },
    { args: ['model', 'list', '-w', 'not-there'], code: 'WORKSPACE_NOT_FOUND', exitCode: 2 },
    { args: ['model', 'publish', 'm', 'file.onnx', '-w', 'not-there'], code: 'WORKSPACE_NOT_FOUND', exitCode: 2 },
    { args: ['openapi', '-w', 'not-there'], code: 'SERVER_NOT_RUNNING', exitCode: 1 },
  ]) {
    it(`servery ${args.join(' ')}: ${code}, exit code ${exitCode}`, async () => {
      await refused(folder.path, args, code, exitCode);
      await assert.rejects(access(`${folder.path}/not-there`), 'a refused command makes no folders');
    });
  }

  for (const { args, code, exitCode } of [
    { args: ['model', 'show', 'nope'], code: 'MODEL_NOT_FOUND', exitCode: 1 },
    { args: ['model', 'types', 'nope'], code: 'MODEL_NOT_FOUND', exitCode: 1 },
    { args: ['model', 'load', 'm'], code: 'SERVER_NOT_RUNNING', exitCode: 1 },
    { args: ['model', 'unload', 'm'], code: 'SERVER_NOT_RUNNING', exitCode: 1 },
    { args: ['model', 'alias', 'm', 'champion', '2'], code: 'SERVER_NOT_RUNNING', exitCode: 1 },
    { args: ['model', 'alias', 'm', 'champion', 'two'], code: 'USAGE', exitCode: 2 },
    { args: ['model', 'rollback', 'm'], code: 'SERVER_NOT_RUNNING', exitCode: 1 },
    { args: ['model', 'publish', 'new', 'nothing-here'], code: 'INVALID_REQUEST', exitCode: 1 },
    { args: ['model', 'publish', '../out', 'models/m/1/model.onnx'], code: 'INVALID_REQUEST', exitCode: 1 },
    { args: ['serve', '--set', 'http.nope=1'], code: 'USAGE', exitCode: 2 },
    { args: ['serve', '--set', 'http.maxBodyBytes=many'], code: 'CONFIG_INVALID', exitCode: 2 },
    { args: ['serve', '--http', '0.0.0.0:0'], code: 'ADDRESS_INSECURE', exitCode: 2 },
  ]) {
    it(`servery ${args.join(' ')}, in a workspace: ${code}, exit code ${exitCode}`, async () => {
      await refused(good.path, args, code, exitCode);
      await assert.rejects(access(`${good.path}/models/new`));
    });
  }

  it('help and version exit with 0; nothing to do is a wrong use', async () => {
    const cwd = folder.path;
    const { version } = JSON.parse(await readFile(`${ROOT}package.json`, 'utf8')) as { version: string };
    assert.deepEqual(await servery(['--version'], { cwd }), { code: 0, stdout: `${version}\n`, stderr: '' });
    assert.match((await servery(['--help'], { cwd })).stdout, /Usage: servery/);
    assert.match((await servery(['model', '--help'], { cwd })).stdout, /rollback/);
    assert.equal((await servery([], { cwd })).code, 2);
    for (const group of [[], ['model'], ['job']]) {
      const { code, value } = await json(cwd, ...group);
      assert.deepEqual([code, value.error.code, value.error.message], [2, 'USAGE', 'expected a command']);
    }
  });

  it('check, list, show and types read the folder, with paths relative to where the caller is', async () => {
    const cwd = `${good.path}/models`;
    const check = await json(cwd, 'check', '..');
    assert.equal(check.code, 0);
    assert.equal(check.value.ok, true);
    assert.deepEqual(
      check.value.models.map(({ name }: Json) => name as string),
      ['iris', 'm'],
    );
    const list = await json(cwd, 'model', 'list', '-w', '..');
    assert.deepEqual(
      list.value.models.map(({ name, defaultVersion }: Json) => [name, defaultVersion] as unknown[]),
      [
        ['iris', 1],
        ['m', 3],
      ],
    );
    const shown = await servery(['model', 'show', 'iris'], { cwd: good.path });
    for (const word of ['sepal_length', 'probabilities', 'warmed up with', 'probe:', 'inline']) {
      assert.ok(shown.stdout.includes(word), `${word} in ${shown.stdout}`);
    }
    const types = await servery(['model', 'types', 'iris'], { cwd: good.path });
    assert.match(types.stdout, /sepal_length: number/);
    assert.equal((await json(good.path, 'model', 'types', 'iris')).value.types.trimEnd(), types.stdout.trimEnd());
  });

  it('check finds what is wrong with models and configuration, and exits with 1 or 2', async () => {
    await using broken = await workspaceWith({ good: fixture('doubler'), bad: fixture('broken-truncated') });
    const found = await json(broken.path, 'check');
    assert.equal(found.code, 1);
    assert.equal(found.value.ok, false);
    assert.equal(found.value.problems.length, 1, 'each of them once');
    assert.match(found.value.problems[0] as string, /^bad\/1: .+/);
    assert.match((await servery(['check'], { cwd: broken.path })).stdout, /1 problem:\n {2}bad\/1: /);
    await writeFile(`${broken.path}/servery.config.json`, JSON.stringify({ http: { maxBodyByte: 1 } }));
    await refused(broken.path, ['check'], 'CONFIG_INVALID', 2);
  });

  it('token prints a key once and the entry for the configuration; config lists every option', async () => {
    const { code, value } = await json(folder.path, 'token', 'bob', '--scopes', 'predict,admin');
    assert.equal(code, 0);
    assert.deepEqual(value.entry.scopes, ['predict', 'admin']);
    assert.match(value.entry.hash as string, /^sha256:[0-9a-f]{64}$/);
    assert.ok(!JSON.stringify(value.entry).includes(value.key as string));
    const options = (await json(folder.path, 'config')).value.options as { path: string; env?: string }[];
    assert.ok(options.some(({ path, env }) => path === 'http.maxBodyBytes' && env === 'SERVERY_HTTP_MAX_BODY_BYTES'));
    assert.match((await servery(['config'], { cwd: folder.path })).stdout, /SERVERY_HTTP_MAX_BODY_BYTES/);
  });

  it('init makes a workspace that check likes, and never touches a folder with something in it', async () => {
    assert.equal((await json(folder.path, 'init', 'shop')).code, 0);
    assert.equal((await json(folder.path, 'check', 'shop')).value.ok, true);
    await refused(folder.path, ['init', 'shop'], 'USAGE', 2);
  });

  it('publish adds the next version, all of it or nothing', async () => {
    await using workspace = await workspaceWith({ m: fixture('versions') });
    const publish = (...args: string[]) => json(workspace.path, 'model', 'publish', ...args);
    assert.deepEqual((await publish('m', `${MODELS}/versions/1/model.onnx`)).value.model, { name: 'm', version: 4 });
    assert.deepEqual((await publish('new', `${MODELS}/doubler/1`)).value.model, { name: 'new', version: 1 });
    await mkdir(`${workspace.path}/empty`);
    await refused(workspace.path, ['model', 'publish', 'none', 'empty'], 'MODEL_INVALID', 1);
    await assert.rejects(access(`${workspace.path}/models/none`));
    assert.equal((await json(workspace.path, 'check')).code, 0);
  });
});

describe('with a server', () => {
  let workspace: TemporaryFolder;
  let server: RunningServer;
  before(async () => {
    workspace = await workspaceWith({ m: fixture('versions') });
    await writeFile(`${workspace.path}/models/m/model.yaml`, 'versions: all\n');
    server = await startServer(workspace.path);
  });
  after(async () => {
    await server[Symbol.asyncDispose]();
    await workspace[Symbol.asyncDispose]();
  });
  const model = (...args: readonly string[]) => json(workspace.path, 'model', ...args);
  const aliases = async () => {
    const { value } = await model('show', 'm');
    return Object.fromEntries(
      Object.entries(value.model.aliases as Record<string, { version: number }>).map(([name, { version }]) => [
        name,
        version,
      ]),
    );
  };

  it('alias and rollback move what the server answers with', async () => {
    assert.equal((await model('alias', 'm', 'champion', '1')).code, 0);
    assert.equal((await model('alias', 'm', 'champion', '2')).code, 0);
    assert.deepEqual(await aliases(), { champion: 2 });
    assert.equal((await model('rollback', 'm', 'champion')).code, 0);
    assert.deepEqual(await aliases(), { champion: 1 });
    await refused(workspace.path, ['model', 'alias', 'm', 'champion', '99'], 'MODEL_NOT_FOUND', 1);
    await refused(workspace.path, ['model', 'rollback', 'm', 'nobody'], 'MODEL_NOT_FOUND', 1);
  });

  it('unload and load take a model out and in', async () => {
    assert.equal((await model('unload', 'm')).value.loaded, false);
    assert.equal((await fetch(`${server.http}/v2/models/m/ready`)).ok, false);
    assert.match((await servery(['model', 'list'], { cwd: workspace.path })).stdout, /m +1 unloaded/);
    assert.equal((await model('load', 'm')).value.loaded, true);
    assert.equal((await fetch(`${server.http}/v2/models/m/ready`)).ok, true);
    await refused(workspace.path, ['model', 'load', 'nope'], 'MODEL_NOT_FOUND', 1);
  });

  it('publish with an alias goes live', async () => {
    const { value } = await model('publish', 'm', `${MODELS}/versions/1/model.onnx`, '--alias', 'next');
    assert.deepEqual(value.model, { name: 'm', version: 4 });
    while (!(await fetch(`${server.http}/v2/models/m@next/ready`)).ok);
    assert.equal((await aliases())['next'], 4);
    const fresh = await model('publish', 'fresh', `${MODELS}/doubler/1`, '--alias', 'default');
    assert.deepEqual(fresh.value.model, { name: 'fresh', version: 1 });
    while (!(await fetch(`${server.http}/v2/models/fresh/ready`)).ok);
  });

  it('openapi prints the document of the server; a second server is refused', async () => {
    const { code, value } = await json(workspace.path, 'openapi');
    assert.equal(code, 0);
    assert.match(value.openapi as string, /^3\.1/);
    await refused(workspace.path, ['serve'], 'WORKSPACE_IN_USE', 1);
  });
});

describe('with a server that speaks HTTPS', () => {
  it('knows it by the certificate in its workspace, whoever has signed it', async () => {
    await using workspace = await workspaceWith({ m: fixture('doubler') });
    const pair = { certFile: `${ROOT}test/fixtures/tls/cert.pem`, keyFile: `${ROOT}test/fixtures/tls/key.pem` };
    await writeFile(`${workspace.path}/servery.config.json`, JSON.stringify({ http: { tls: pair } }));
    await using server = await startServer(workspace.path, { command: 'up', untilReady: false });
    assert.match(server.http, /^https:/);
    while ((await json(workspace.path, 'model', 'show', 'm')).code !== 0);
    assert.equal((await json(workspace.path, 'model', 'alias', 'm', 'next', '1')).code, 0);
    assert.deepEqual((await json(workspace.path, 'job', 'list')).value.jobs, []);
    await refused(workspace.path, ['model', 'rollback', 'm', 'nobody'], 'MODEL_NOT_FOUND', 1);
  });
});

describe('a workspace whose state is damaged', () => {
  it('is not served: what is wrong is said in one line', async () => {
    await using workspace = await workspaceWith({ m: fixture('doubler') });
    await mkdir(`${workspace.path}/.servery`);
    await writeFile(`${workspace.path}/.servery/held.json`, '{bad');
    for (const more of [[], ['--json']]) {
      const args = ['serve', '--http', '127.0.0.1:0', '--grpc', 'off', ...more];
      const { code, stderr } = await servery(args, { cwd: workspace.path });
      assert.equal(code, 2);
      assert.match(stderr, /^servery: Cannot read held\.json .+\n {2}CONFIG_INVALID: Remove .+\n$/m);
    }
  });
});

describe('a signal', () => {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    it(`${signal} ends a server with 0, when everything is answered`, async () => {
      await using workspace = await workspaceWith({ m: fixture('doubler') });
      const args = ['serve', '--http', '127.0.0.1:0', '--grpc', 'off'];
      const child = spawn(`${ROOT}bin/servery`, args, { cwd: workspace.path, stdio: ['ignore', 'pipe', 'inherit'] });
      for await (const line of createInterface(child.stdout)) if (/ready/i.test(line)) break;
      child.kill(signal);
      assert.deepEqual(await once(child, 'exit'), [0, null]);
    });
  }

  it('ends a command that is not a server as signals do: 143 and 130 in a shell', async () => {
    await using workspace = await workspaceWith({ m: fixture('slow-by-input') });
    const rows = JSON.stringify({ rows: [{ x: 1, iterations: 20_000 }] });
    await writeFile(`${workspace.path}/models/m/warmup.json`, rows);
    for (const [signal, status] of [
      ['TERM', 143],
      ['INT', 130],
    ] as const) {
      const script = `"${ROOT}bin/servery" check & sleep 1; kill -${signal} $!; wait $!; echo $?`;
      // Job control, or a shell lets what it starts in the background ignore SIGINT.
      const child = spawn('bash', ['-c', `set -m; ${script}`], {
        cwd: workspace.path,
        stdio: ['ignore', 'pipe', 'ignore'],
      });
      const lines: string[] = [];
      for await (const line of createInterface(child.stdout)) lines.push(line);
      assert.equal(lines.at(-1), String(status));
    }
  });
});
