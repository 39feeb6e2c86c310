import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { loadConfig } from '../../../src/config/config.ts';
import { listOptions } from '../../../src/config/options-list.ts';
import { configSchema } from '../../../src/config/schema.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

describe('loadConfig()', () => {
  it('needs no file: every option has a default', async () => {
    const config = await load({});
    assert.equal(config.listen.http, '127.0.0.1:8080');
    assert.equal(config.stopGrace, 30_000);
  });

  const content = { listen: { http: '127.0.0.1:9000' }, models: { churn: { batching: { maxRows: 8 } } } };
  for (const [name, text] of [
    ['servery.config.json', JSON.stringify(content)],
    ['servery.config.yaml', 'listen: { http: "127.0.0.1:9000" }\nmodels: { churn: { batching: { maxRows: 8 } } }\n'],
    ['servery.config.mjs', `export default ${JSON.stringify(content)}`],
    [
      'servery.config.ts',
      `import { defineConfig } from 'servery';\nconst maxRows: number = 8;\n` +
        `export default defineConfig({ listen: { http: '127.0.0.1:9000' }, models: { churn: { batching: { maxRows } } } });`,
    ],
  ] as const) {
    it(`reads ${name}, without a node_modules`, async () => {
      const config = await load({ [name]: text });
      assert.equal(config.listen.http, '127.0.0.1:9000');
      assert.deepEqual(config.models, content.models);
    });
  }

  it('prefers the environment to the file, and flags to both', async () => {
    const files = { 'servery.config.json': '{ "http": { "maxBodyBytes": 2000, "maxNesting": 5, "maxElements": 3 } }' };
    const env = { SERVERY_HTTP_MAX_NESTING: '6', SERVERY_HTTP_MAX_ELEMENTS: '4', SERVERY_HTTP: '127.0.0.1:1' };
    const { http, listen } = await load(files, env, { 'http.maxElements': '7' });
    assert.deepEqual([http.maxBodyBytes, http.maxNesting, http.maxElements, listen.http], [2000, 6, 7, '127.0.0.1:1']);
  });

  it('is a model container where SageMaker says so, unless our own variables say otherwise', async () => {
    const files = { 'servery.config.json': '{ "listen": { "http": "127.0.0.1:9000" } }' };
    const env = {
      SAGEMAKER_BIND_TO_PORT: '8123',
      SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT: 'text/csv',
      SAGEMAKER_MAX_CONCURRENT_TRANSFORMS: '3',
      SAGEMAKER_MAX_PAYLOAD_IN_MB: '7',
    };
    const { listen, http, protocols } = await load(files, env);
    assert.deepEqual([listen.http, listen.grpc, http.maxBodyBytes], ['0.0.0.0:8123', 'off', 7 * 2 ** 20]);
    const { container, defaultAccept, maxConcurrentTransforms } = protocols.sagemaker;
    assert.deepEqual([container, defaultAccept, maxConcurrentTransforms], [true, 'text/csv', 3]);
    const ours = await load(files, { SAGEMAKER_BATCH: 'true', SERVERY_HTTP: '127.0.0.1:1' });
    assert.equal(ours.listen.http, '127.0.0.1:1');
    assert.equal((await load(files, {})).protocols.sagemaker.container, false);
  });

  it('listens where Vertex AI says, unless our own variables say otherwise', async () => {
    const files = { 'servery.config.json': '{ "listen": { "http": "127.0.0.1:9000" } }' };
    const predictRoute = '/v1/endpoints/1/deployedModels/2:predict';
    const env = { AIP_HTTP_PORT: '8123', AIP_HEALTH_ROUTE: '/health', AIP_PREDICT_ROUTE: predictRoute };
    const { listen, protocols } = await load(files, env);
    assert.deepEqual([listen.http, listen.grpc], ['0.0.0.0:8123', 'off']);
    assert.deepEqual([protocols.vertex.healthRoute, protocols.vertex.predictRoute], ['/health', predictRoute]);
    const ours = await load(files, { ...env, SERVERY_HTTP: '127.0.0.1:1' });
    assert.equal(ours.listen.http, '127.0.0.1:1');
    await assert.rejects(load(files, { AIP_HEALTH_ROUTE: '/:any' }), /expected a path/);
  });

  it('reads lists, booleans and durations from text', async () => {
    const env = {
      SERVERY_HTTP_CORS: 'https://a.example, https://b.example',
      SERVERY_LOG_REQUESTS: 'true',
      SERVERY_STOP_GRACE: '2m',
    };
    const { http, log, stopGrace } = await load({}, env);
    assert.deepEqual([http.cors, log.requests, stopGrace], [['https://a.example', 'https://b.example'], true, 120_000]);
  });

  it('reads a file of its own for each job, in any form', async () => {
    const { jobs } = await load({
      'servery.config.json': '{ "jobs": { "one": { "command": ["a"] } } }',
      'jobs/two.yaml': 'command: [b]\nschedule: { cron: "@hourly" }\n',
      'jobs/three.ts': `const program: string = 'c';\nexport default { command: [program] };`,
      'jobs/_notes.yaml': 'not: a job',
      'jobs/readme.md': '# not a job',
    });
    assert.deepEqual(
      Object.entries(jobs).map(([name, { command }]) => [name, command]),
      [
        ['one', ['a']],
        ['three', ['c']],
        ['two', ['b']],
      ],
    );
  });

  for (const { what, files = {}, env = {}, flags = {}, says } of [
    {
      what: 'an unknown option, with what may be meant',
      files: json({ http: { maxBodyByte: 1 } }),
      says: /http\.maxBodyByte.*did you mean maxBodyBytes/,
    },
    {
      what: 'a job that is there twice',
      files: {
        'servery.config.json': '{ "jobs": { "a": { "command": ["x"] } } }',
        'jobs/a.json': '{ "command": ["x"] }',
      },
      says: /jobs\/a\.json: servery\.config\.json has a job "a" too/,
    },
    {
      what: 'an unknown key in the file of a job, with its path',
      files: { 'jobs/a.yaml': 'comand: [x]' },
      says: /jobs\.a\.comand: there is no such option, did you mean command\?/,
    },
    {
      what: 'a cron expression that is none, with its path',
      files: { 'jobs/a.yaml': 'command: [x]\nschedule: { cron: "61 * * * *" }' },
      says: /jobs\.a\.schedule\.cron/,
    },
    { what: 'a bare number for a duration', files: json({ stopGrace: 30 }), says: /stopGrace: .*expected string/ },
    {
      what: 'every problem at once',
      files: json({ stopGrace: 'x', listen: { http: 'y' } }),
      says: /listen\.http: .*stopGrace: |stopGrace: .*listen\.http: /,
    },
    {
      what: 'a file that does not parse, with the line',
      files: { 'servery.config.yaml': 'a: 1\nb: [' },
      says: /line \d/,
    },
    { what: 'two files', files: { 'servery.config.yaml': '', 'servery.config.json': '{}' }, says: /there is also/ },
    { what: 'a program that throws', files: { 'servery.config.mjs': 'throw new Error("boom")' }, says: /boom/ },
    {
      what: 'a program that throws far down, with the line',
      files: { 'servery.config.ts': 'const a: number = 1;\n\nthrow new Error(`boom ${a}`)' },
      says: { message: 'Cannot read servery.config.ts: line 3: boom 1' },
    },
    {
      what: 'a program that cannot be parsed, with the line',
      files: { 'servery.config.ts': 'const a: number = 1;\nexport default { http: { maxNesting: a ' },
      says: { message: /^Cannot read servery\.config\.ts: line 2: SyntaxError: / },
    },
    {
      what: 'a port that no system has',
      flags: { 'listen.http': '127.0.0.1:65536' },
      says: { message: 'Cannot use the configuration: listen.http: expected HOST:PORT, such as 127.0.0.1:8080' },
    },
    {
      what: 'what is no address, in one way',
      flags: { 'listen.grpc': 'foo' },
      says: {
        message: 'Cannot use the configuration: listen.grpc: expected HOST:PORT, such as 127.0.0.1:8080',
      },
    },
    {
      what: 'a program without a default export',
      files: { 'servery.config.mjs': 'export const a = 1' },
      says: /no default export/,
    },
    { what: 'text that is not a number', env: { SERVERY_HTTP_MAX_NESTING: 'many' }, says: /http\.maxNesting/ },
    { what: 'a flag that does not exist', flags: { 'http.nope': '1' }, says: /There is no option "http\.nope"/ },
  ] as {
    what: string;
    files?: Files;
    env?: Record<string, string>;
    flags?: Record<string, string>;
    says: RegExp | { message: RegExp | string };
  }[]) {
    it(`refuses ${what}`, async () => {
      await assert.rejects(load(files, env, flags), says);
    });
  }
});

describe('listOptions()', () => {
  const options = listOptions(configSchema);

  it('gives an option one path and one variable', () => {
    const { env, type, default: value } = options.find(({ path }) => path === 'http.maxBodyBytes')!;
    assert.deepEqual([env, type, value], ['SERVERY_HTTP_MAX_BODY_BYTES', 'integer', 67_108_864]);
  });

  it('has a description for every option', () => {
    assert.deepEqual(
      options.filter(({ description }) => description === '').map(({ path }) => path),
      [],
    );
  });
});

type Files = Readonly<Record<string, string>>;

async function load(
  files: Files,
  env: Readonly<Record<string, string>> = {},
  flags: Readonly<Record<string, string>> = {},
) {
  await using folder = await temporaryFolder();
  await mkdir(join(folder.path, 'jobs'));
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder.path, name), text);
  return await loadConfig({ workspace: folder.path, env, flags });
}

function json(value: unknown): Files {
  return { 'servery.config.json': JSON.stringify(value) };
}
