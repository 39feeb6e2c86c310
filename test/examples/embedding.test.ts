import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, it } from 'node:test';
import { temporaryFolder } from '../support/temporary-folder.ts';

const ROOT = new URL('../../', import.meta.url).pathname;
const SETOSA = { sepal_length: 5.1, sepal_width: 3.5, petal_length: 1.4, petal_width: 0.2 };

for (const name of ['with-fastify', 'with-express', 'with-hono']) {
  describe(`examples/embedding/${name}.ts`, () => {
    it('answers predictions and bad rows on its own route, and ends by itself when it is asked to', async () => {
      await using workspace = await temporaryFolder();
      await cp(`${ROOT}examples/quickstart/models/iris`, join(workspace.path, 'models/iris'), { recursive: true });
      const args = ['--conditions=servery-source', `examples/embedding/${name}.ts`, workspace.path];
      const child = spawn(process.execPath, args, {
        cwd: ROOT,
        env: { ...process.env, PORT: '0' },
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      try {
        const [url] = (await once(createInterface(child.stdout), 'line')) as [string];
        const post = (body: unknown) =>
          fetch(`${url}/species`, {
            method: 'POST',
            headers: { 'content-type': 'application/json' },
            body: JSON.stringify(body),
          });

        const good = await post([SETOSA]);
        assert.equal(good.status, 200);
        assert.equal(((await good.json()) as { label: string }[])[0]?.label, 'setosa');

        const bad = await post([{ sepal_length: 5.1 }]);
        assert.equal(bad.status, 400);
        assert.match(((await bad.json()) as { error: string }).error, /sepal_width/);

        const exited = once(child, 'exit');
        child.kill('SIGTERM');
        assert.deepEqual(await exited, [0, null]);
      } finally {
        child.kill('SIGKILL');
      }
    });
  });
}
