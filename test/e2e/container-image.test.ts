/**
 * What the Dockerfile says is run as the image would: the same command and variables, in folders laid out like its
 * own. Only the paths begin elsewhere, and the command `servery` is that of the clone.
 */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmod, cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../support/free-port.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const ROOT = new URL('../../', import.meta.url).pathname;
const MODELS = `${ROOT}test/fixtures/models`;

interface Image {
  readonly env: Readonly<Record<string, string>>;
  readonly labels: readonly string[];
  readonly workdir: string;
  readonly command: readonly string[];
  /** Files of the clone, by where they are in the image. */
  readonly copies: ReadonlyMap<string, string>;
}

/** The last stage; an instruction that is not known here fails, so that none goes untried. */
function readDockerfile(text: string): Image {
  const joined = text.replace(/^#.*\n/gm, '').replace(/\\\n/g, ' ');
  const lines = joined.split('\n').filter((line) => line.trim() !== '');
  const last = lines.findLastIndex((line) => line.startsWith('FROM '));
  const env: Record<string, string> = {};
  const labels: string[] = [];
  const copies = new Map<string, string>();
  let workdir = '/';
  let entrypoint: string[] = [];
  let cmd: string[] = [];
  for (const line of lines.slice(last)) {
    const [, instruction = '', rest = ''] = /^([A-Z]+)\s+(.*)$/.exec(line) ?? [];
    switch (instruction) {
      case 'ENV':
        for (const [, name, value] of rest.matchAll(/([A-Z0-9_]+)=(\S+)/g)) env[name!] = value!;
        break;
      case 'LABEL':
        labels.push(rest);
        break;
      case 'COPY': {
        const [from, to] = rest.split(/\s+/).filter((word) => !word.startsWith('--'));
        if (!rest.includes('--from=')) copies.set(to!, from!);
        break;
      }
      case 'WORKDIR':
        workdir = rest;
        break;
      case 'ENTRYPOINT':
        entrypoint = JSON.parse(rest) as string[];
        break;
      case 'CMD':
        cmd = JSON.parse(rest) as string[];
        break;
      case 'FROM':
      case 'RUN':
      case 'EXPOSE':
        break;
      default:
        assert.fail(`an instruction that is not tried: ${line}`);
    }
  }
  return { env, labels, workdir, command: [...entrypoint, ...cmd], copies };
}

const image = readDockerfile(await readFile(`${ROOT}Dockerfile`, 'utf8'));

/** Files by their place in the image, `/opt/ml/model/model.onnx`; folders of the clone as their content. */
async function openContainer(files: Readonly<Record<string, string>>) {
  const folder = await temporaryFolder();
  const at = (path: string) => folder.path + path;
  for (const [to, from] of [...image.copies, ...Object.entries(files)]) {
    await mkdir(dirname(at(to)), { recursive: true });
    await cp(from.startsWith('/') ? from : ROOT + from, at(to), { recursive: true });
  }
  await mkdir(at(image.workdir), { recursive: true });
  const servery = at('/usr/local/bin/servery');
  const node = `exec "${process.execPath}" --conditions=servery-source "${ROOT}src/cli/main.ts" "$@"`;
  await writeFile(servery, `#!/bin/sh\n${node}\n`);
  await chmod(servery, 0o755);
  const port = await freePort();
  let child: ChildProcess | undefined;
  let log = '';
  return {
    url: `http://127.0.0.1:${port}`,
    at,
    log: () => log,
    /** Until it is well. */
    async start(variables: Readonly<Record<string, string>> = {}) {
      const env: Record<string, string> = { PATH: `${at('/usr/local/bin')}:/usr/local/bin:/usr/bin:/bin` };
      for (const [name, value] of Object.entries(image.env)) env[name] = value.startsWith('/') ? at(value) : value;
      const [program, ...args] = image.command;
      child = spawn(at(`/usr/local/bin/${program}`), args, {
        cwd: at(image.workdir),
        env: { ...env, SAGEMAKER_BIND_TO_PORT: String(port), ...variables },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      for (const stream of [child.stdout!, child.stderr!]) stream.on('data', (chunk: Buffer) => (log += String(chunk)));
      const giveUpAt = Date.now() + 60_000;
      while (!(await fetch(`http://127.0.0.1:${port}/ping`).catch(() => undefined))?.ok) {
        assert.ok(Date.now() < giveUpAt && child.exitCode === null, log);
        await sleep(50);
      }
    },
    /** As a platform does it. @returns the exit code */
    async stop() {
      child!.kill('SIGTERM');
      const [code] = (await once(child!, 'exit')) as [number | null];
      return code;
    },
    async [Symbol.asyncDispose]() {
      if (child?.exitCode === null) child.kill('SIGKILL');
      await folder[Symbol.asyncDispose]();
    },
  };
}

describe('the image', { timeout: 180_000 }, () => {
  const csv = { method: 'POST', headers: { 'content-type': 'text/csv' }, body: '1\n2\n' };

  it('answers for the model that the platform has put in its place', async () => {
    await using container = await openContainer({ '/opt/ml/model': `${MODELS}/half-plus-two/1` });
    await container.start();
    const answer = await fetch(`${container.url}/invocations`, csv);
    assert.deepEqual([answer.status, await answer.text()], [200, '2.5\n3\n']);
    const parameters = await (await fetch(`${container.url}/execution-parameters`)).json();
    assert.deepEqual(parameters, { MaxConcurrentTransforms: 16, BatchStrategy: 'MULTI_RECORD', MaxPayloadInMB: 6 });
    assert.equal(await container.stop(), 0, container.log());
    await container.start({ SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT: 'application/json' });
    const again = await fetch(`${container.url}/invocations`, csv);
    assert.deepEqual([again.status, await again.text()], [200, '{"predictions":[2.5,3]}']);
    assert.equal(await container.stop(), 0, container.log());
  });

  it('serves a whole workspace in that place', async () => {
    await using container = await openContainer({ '/opt/ml/model/models/half': `${MODELS}/half-plus-two` });
    await writeFile(container.at('/opt/ml/model/servery.config.json'), '{ "http": { "maxBodyBytes": 2000000 } }');
    await container.start();
    assert.equal(await (await fetch(`${container.url}/invocations`, csv)).text(), '2.5\n3\n');
    const parameters = await (await fetch(`${container.url}/execution-parameters`)).json();
    assert.equal((parameters as { MaxPayloadInMB: number }).MaxPayloadInMB, 1);
    assert.equal(await container.stop(), 0, container.log());
  });

  it('loads several models as the platform says', async () => {
    await using container = await openContainer({ '/opt/ml/models/a/model': `${MODELS}/half-plus-two/1` });
    const { SAGEMAKER_BASE_DIR: base = '' } = image.env;
    const modelsRoot = container.at(`${base}/models`);
    await container.start({ SAGEMAKER_MULTI_MODEL: 'true', SERVERY_PROTOCOLS_SAGEMAKER_MODELS_ROOT: modelsRoot });
    const call = async (method: string, path: string, body?: unknown) => {
      const headers = { 'content-type': 'application/json' };
      const sent = body === undefined ? null : JSON.stringify(body);
      const response = await fetch(container.url + path, { method, headers, body: sent });
      return [response.status, await response.json()];
    };
    const url = `${modelsRoot}/a/model`;
    assert.deepEqual(await call('POST', '/models', { model_name: 'a', url }), [200, { status: 'Workers scaled' }]);
    assert.equal((await call('POST', '/models', { model_name: 'a', url }))[0], 409);
    assert.deepEqual(await call('GET', '/models'), [200, { models: [{ modelName: 'a', modelUrl: url }] }]);
    assert.deepEqual(await call('POST', '/models/a/invoke', [1, 2]), [200, [2.5, 3]]);
    assert.equal((await call('DELETE', '/models/a'))[0], 200);
    assert.equal(await container.stop(), 0, container.log());
  });

  it('says what the platform must know of it', () => {
    for (const name of ['multi-models', 'accept-bind-to-port']) {
      assert.ok(image.labels.includes(`com.amazonaws.sagemaker.capabilities.${name}=true`), name);
    }
    assert.deepEqual(image.command, ['servery-container', 'serve']);
  });
});
