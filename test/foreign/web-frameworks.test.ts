/** Endpoints of Flask and FastAPI beside the handlers that stand in for them: same requests, same answers. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cp } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { promisify } from 'node:util';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { startServer } from '../support/workspace-server.ts';

const ROOT = new URL('../../', import.meta.url).pathname;

describe('a handler in place of an endpoint', () => {
  for (const which of ['flask', 'fastapi'] as const) {
    it(`answers as ${which} does, good requests and bad ones`, async () => {
      const python = process.env['SERVERY_TEST_PYTHON'];
      assert.ok(python, 'SERVERY_TEST_PYTHON names the Python that has test/foreign/requirements.txt');
      await using workspace = await temporaryFolder();
      await cp(`${ROOT}examples/migrate/${which}/models`, `${workspace.path}/models`, { recursive: true });
      await using server = await startServer(workspace.path);
      const env = { ...process.env, WHICH: which, HTTP: server.http, PYTHONDONTWRITEBYTECODE: '1' };
      const script = `${ROOT}test/foreign/web_frameworks.py`;
      const { stdout } = await promisify(execFile)(python, [script], { env });
      assert.equal(stdout.trim(), 'ok');
      assert.equal(await server.stop(), 0);
    });
  }
});
