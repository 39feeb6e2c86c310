/** BentoML's own clients against a real server, on the port that its protocol has for itself. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { it } from 'node:test';
import { promisify } from 'node:util';
import { freePort } from '../support/free-port.ts';
import { startServer, workspaceWith } from '../support/workspace-server.ts';

const SCRIPT = new URL('./bentoml_clients.py', import.meta.url).pathname;
const HANDLERS = {
  classify: `route: 'POST /classify',
    body: z.object({ length: z.number(), tags: z.array(z.string()) }),
    response: z.object({ long: z.boolean(), tags: z.array(z.string()) }),
    predict: (bodies) => bodies.map(({ length, tags }) => ({ long: length > 1, tags })),`,
  measure: `signature: { inputs: { image: { datatype: 'BYTES', as: 'bytes' } }, outputs: { bytes: 'INT32' } },
    predict: (rows) => rows.map(({ image }) => ({ bytes: image.length })),`,
  shout: `route: 'POST /shout',
    body: z.string(),
    response: z.string(),
    predict: (texts) => texts.map((text) => text + '!'),`,
  join: `route: 'POST /join',
    body: z.array(z.string()),
    response: z.string(),
    predict: (lists) => lists.map((list) => list.join(' ')),`,
  order: `route: 'POST /order',
    body: z.object({ item: z.object({ name: z.string(), size: z.number() }), amount: z.number().default(1) }),
    response: z.object({ text: z.string() }),
    predict: (bodies) => bodies.map(({ item, amount }) => ({ text: amount + ' ' + item.name + ' of ' + item.size })),`,
  invert: `signature: { inputs: { image: { datatype: 'BYTES', as: 'bytes' } }, outputs: { image: { datatype: 'BYTES', as: 'bytes' } } },
    predict: (rows) => rows.map(({ image }) => ({ image: image.toReversed() })),`,
  spell: `signature: { inputs: { word: 'BYTES' }, outputs: { letters: 'BYTES' } },
    *stream({ word }) { for (const letter of word) yield letter + '.'; },`,
  talk: `route: 'POST /talk',
    body: z.object({ prompt: z.string() }),
    async *stream({ prompt }) {
      if (prompt === 'fail') throw new Error('secret');
      for (const word of prompt.split(' ')) yield word + ' ';
      if (prompt === 'fail-late') throw new Error('secret');
    },`,
};

it("serves BentoML's synchronous and asynchronous clients", async () => {
  await using workspace = await workspaceWith({
    iris: 'examples/quickstart/models/iris',
    'churn-rules': 'examples/quickstart/models/churn-rules',
  });
  for (const [name, definition] of Object.entries(HANDLERS)) {
    await mkdir(`${workspace.path}/models/${name}/1`, { recursive: true });
    const source = `import { defineHandler } from 'servery';\nimport * as z from 'zod';\nexport default defineHandler({ ${definition} });`;
    await writeFile(`${workspace.path}/models/${name}/1/handler.ts`, source);
  }
  const port = await freePort();
  const config = { protocols: { bentoml: { http: `127.0.0.1:${port}` } } };
  await writeFile(`${workspace.path}/servery.config.json`, JSON.stringify(config));
  await using _server = await startServer(workspace.path);
  await using frames = await workspaceWith({ iris: 'examples/quickstart/models/iris' });
  const framePort = await freePort();
  const frameConfig = { protocols: { bentoml: { http: `127.0.0.1:${framePort}`, dataframes: true } } };
  await writeFile(`${frames.path}/servery.config.json`, JSON.stringify(frameConfig));
  await using _frameServer = await startServer(frames.path);
  const python = process.env['SERVERY_TEST_PYTHON'];
  assert.ok(python, 'SERVERY_TEST_PYTHON names the Python that has test/foreign/requirements.txt');
  const env = {
    ...process.env,
    FRAMES: `http://127.0.0.1:${framePort}`,
    BENTOML: `http://127.0.0.1:${port}`,
    PYTHONDONTWRITEBYTECODE: '1',
    BENTOML_DO_NOT_TRACK: '1',
  };
  const { stdout } = await promisify(execFile)(python, [SCRIPT], { env });
  assert.equal(stdout.trim(), 'ok');
});
