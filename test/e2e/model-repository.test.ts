/** The models folder of a running server as people and tools change it: slow copies, edits in place, removals. */
import assert from 'node:assert/strict';
import { appendFile, cp, mkdir, open, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { largeModel } from '../support/large-model.ts';
import { startServer, workspaceWith, type RunningServer } from '../support/workspace-server.ts';

const ROOT = new URL('../../', import.meta.url).pathname;
const MODELS = `${ROOT}test/fixtures/models`;
const fixture = (name: string) => `test/fixtures/models/${name}`;
const TWO_FRONT_ENDS = { args: ['--set', 'frontEnds=2'] };

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- answers are looked at field by field
type Json = any;

describe('a folder that is copied slowly', () => {
  it('is not loaded before it is complete, then within a second', async (t) => {
    await using workspace = await workspaceWith({ m: fixture('doubler') });
    await using server = await startServer(workspace.path, TWO_FRONT_ENDS);
    const bytes = largeModel(2 ** 20);
    await mkdir(`${workspace.path}/models/large/1`, { recursive: true });
    const file = await open(`${workspace.path}/models/large/1/model.onnx`, 'w');
    const seen = new Set<string>();
    for (let at = 0; at < bytes.length; at += 100_000) {
      await file.write(bytes.subarray(at, at + 100_000));
      await sleep(120);
      seen.add(await stateOf(server, 'large'));
    }
    await file.close();
    assert.ok(!seen.has('ready') && !seen.has('failed'), [...seen].join());
    const began = performance.now();
    await until(async () => (await stateOf(server, 'large')) === 'ready');
    t.diagnostic(`ready ${Math.round(performance.now() - began)} ms after the last byte`);
    assert.doesNotMatch(server.log(), /Cannot load/);
  });

  it('that pauses half way is said to be broken, leaves the good version alone, and is loaded when it is complete', async () => {
    await using workspace = await workspaceWith({ m: fixture('doubler') });
    await using server = await startServer(workspace.path);
    const bytes = await readFile(`${MODELS}/versions/3/model.onnx`);
    await mkdir(`${workspace.path}/models/m/2`);
    await writeFile(`${workspace.path}/models/m/2/model.onnx`, bytes.subarray(0, bytes.length / 2));
    await until(async () => (await versionOf(server, 'm', 2))?.state === 'failed');
    assert.equal((await infer(server, 'm', [1])).model_version, '1');
    await appendFile(`${workspace.path}/models/m/2/model.onnx`, bytes.subarray(bytes.length / 2));
    await until(async () => (await infer(server, 'm', [1])).model_version === '2');
    assert.deepEqual((await infer(server, 'm', [1])).outputs[0].data, [3]);
  });

  it('with weights beside it waits for those too', async () => {
    await using workspace = await workspaceWith({ m: fixture('doubler') });
    await using server = await startServer(workspace.path);
    const [from, to] = [`${MODELS}/external-data/1`, `${workspace.path}/models/external/1`];
    await mkdir(to, { recursive: true });
    for (const name of (await readdir(from)).sort()) {
      await cp(`${from}/${name}`, `${to}/${name}`);
      await sleep(100);
    }
    await until(async () => (await stateOf(server, 'external')) === 'ready');
  });
});

describe('a version whose files change in place', () => {
  it('stays as it was loaded; log and API say so', async () => {
    await using workspace = await workspaceWith({ m: fixture('versions') });
    await using server = await startServer(workspace.path, TWO_FRONT_ENDS);
    const file = `${workspace.path}/models/m/3/model.onnx`;
    await cp(`${MODELS}/versions/1/model.onnx`, file);
    await until(async () => /changed/.test((await versionOf(server, 'm', 3))!.reason));
    assert.match(server.log(), /"level":"error".+A version never changes, but its files have changed/);
    assert.equal((await versionOf(server, 'm', 3))!.state, 'ready');
    for (let times = 0; times < 8; times += 1) assert.deepEqual((await infer(server, 'm', [1])).outputs[0].data, [3]);
  });

  it('is not replaced by files that are broken either', async () => {
    await using workspace = await workspaceWith({ m: fixture('doubler') });
    await using server = await startServer(workspace.path);
    await writeFile(`${workspace.path}/models/m/1/model.onnx`, 'not a model');
    await until(async () => /changed/.test((await versionOf(server, 'm', 1))!.reason));
    assert.deepEqual((await infer(server, 'm', [2])).outputs[0].data, [4]);
  });
});

describe('a version that is removed', () => {
  it('leaves within a second, and the one before answers on every front end', async () => {
    await using workspace = await workspaceWith({ m: fixture('versions') });
    await using server = await startServer(workspace.path, TWO_FRONT_ENDS);
    assert.equal((await infer(server, 'm', [1])).model_version, '3');
    await rm(`${workspace.path}/models/m/3`, { recursive: true });
    await until(async () => (await infer(server, 'm', [1])).model_version === '2');
    await until(async () => (await versionOf(server, 'm', 3)) === undefined);
    for (let times = 0; times < 8; times += 1) assert.deepEqual((await infer(server, 'm', [1])).outputs[0].data, [2]);
    assert.equal((await fetch(`${server.http}/v2/models/m/versions/3/ready`)).ok, false);
  });

  it('with its whole model is not found any more; the others stay', async () => {
    await using workspace = await workspaceWith({ m: fixture('doubler'), other: fixture('half-plus-two') });
    await using server = await startServer(workspace.path);
    await rm(`${workspace.path}/models/m`, { recursive: true });
    await until(async () => (await fetch(`${server.http}/v2/models/m`)).status === 404);
    assert.equal((await infer(server, 'other', [2])).model_version, '1');
    assert.equal((await fetch(`${server.http}/v2/health/ready`)).status, 200);
  });
});

describe('a changed model.yaml', () => {
  it('is applied to what is loaded; a wrong one is said, and what was read before is kept', async () => {
    await using workspace = await workspaceWith({ m: fixture('versions') });
    await using server = await startServer(workspace.path);
    const options = `${workspace.path}/models/m/model.yaml`;
    await writeFile(options, 'versions: [2]\n');
    await until(async () => (await infer(server, 'm', [1])).model_version === '2');
    await writeFile(options, 'versions: newest\n');
    await until(async () => /versions/.test(server.log()) && /kept/.test(server.log()));
    assert.equal((await infer(server, 'm', [1])).model_version, '2');
    await writeFile(options, 'versions: all\n');
    await until(async () => (await infer(server, 'm', [1])).model_version === '3');
    await until(async () => (await fetch(`${server.http}/v2/models/m/versions/1/ready`)).ok);
  });
});

/** Fixtures that are sound files of models that Servery does not serve, and what their reason says. */
const REFUSED: Readonly<Record<string, RegExp>> = {
  'sequence-output': /sequence|tensor/i,
  'unknown-rank': /how many axes/,
  'bf16-output': /bf16|bfloat|datatype|type/i,
};

describe('all the odd models in one workspace', () => {
  it(
    'the good ones are live, the broken ones have a reason, and neither minds the other',
    { timeout: 240_000 },
    async (t) => {
      const onnx = await readdir(`${ROOT}test/fixtures/models`);
      const handlers = (await readdir(`${ROOT}test/fixtures/handlers`)).map(
        (name) => [`handler-${name}`, name] as const,
      );
      await using workspace = await workspaceWith({
        ...Object.fromEntries(onnx.map((name) => [name, fixture(name)])),
        ...Object.fromEntries(handlers.map(([as, name]) => [as, `test/fixtures/handlers/${name}`])),
        iris: 'examples/quickstart/models/iris',
      });
      await using server = await startServer(workspace.path, { untilReady: false });
      const began = performance.now();
      await until(async () => {
        const { models } = (await getJson(server, '/api/models')) as Json;
        const states = models.flatMap(({ versions }: Json) =>
          versions.map(({ state }: Json) => state as string),
        ) as string[];
        return models.length === onnx.length + handlers.length + 1 && !states.includes('loading') && states.length > 0;
      });
      const { models } = (await getJson(server, '/api/models')) as { models: Json[] };
      const notAsExpected: string[] = [];
      let live = 0;
      for (const { name, versions } of models as { name: string; versions: Json[] }[]) {
        const { state, reason } = versions.at(-1)!;
        const isBroken = name.includes('broken') || name in REFUSED;
        if (state === 'ready') live += 1;
        if ((state === 'ready') === isBroken) notAsExpected.push(`${name}: ${state} ${reason}`);
        if (!isBroken) continue;
        if (reason === '' || !(REFUSED[name] ?? /./).test(reason))
          {notAsExpected.push(`${name} has the reason "${reason}"`);}
        if (/\/tmp|servery-test|node_modules/.test(reason)) notAsExpected.push(`${name} tells a path: ${reason}`);
      }
      t.diagnostic(`${live} of ${models.length} models live after ${Math.round(performance.now() - began)} ms`);
      assert.deepEqual(notAsExpected, []);
      assert.equal((await infer(server, 'versions', [1])).model_version, '3');
      assert.equal((await fetch(`${server.http}/openapi.json`)).status, 200);
      assert.equal(await server.stop(), 0);
    },
  );
});

async function infer(server: RunningServer, model: string, x: readonly number[]): Promise<Json> {
  const body = JSON.stringify({ inputs: [{ name: 'x', shape: [x.length], datatype: 'FP32', data: x }] });
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(`${server.http}/v2/models/${model}/infer`, { method: 'POST', headers, body });
  assert.equal(response.status, 200);
  return response.json();
}

async function getJson(server: RunningServer, path: string): Promise<Json> {
  return (await fetch(server.http + path)).json();
}

async function versionOf(
  server: RunningServer,
  model: string,
  version: number,
): Promise<{ state: string; reason: string } | undefined> {
  const { versions } = await getJson(server, `/api/models/${model}`);
  return versions.find((one: { version: number }) => one.version === version);
}

/** That of version 1; empty while the model is not known. */
async function stateOf(server: RunningServer, model: string): Promise<string> {
  const response = await fetch(`${server.http}/api/models/${model}`);
  if (!response.ok) return '';
  const { versions } = (await response.json()) as Json;
  return versions[0]?.state ?? '';
}

/** Asks until the answer is truthy; the suite's own time limit ends what never comes. */
async function until(ask: () => Promise<unknown>): Promise<void> {
  while (!(await ask())) await sleep(20);
}
