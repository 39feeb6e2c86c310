/** The clients of docs/migrate.md, unmodified but for their ports: one model behind every door, and one answer. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { freePort } from '../support/free-port.ts';
import { startServer, workspaceWith, type RunningServer } from '../support/workspace-server.ts';

const CLIENTS = new URL('../../examples/migrate/clients/', import.meta.url).pathname;
const scripts = (await readdir(CLIENTS)).filter((name) => name.endsWith('.py'));

describe('one model behind the doors of all systems', () => {
  let workspace: Awaited<ReturnType<typeof workspaceWith>>;
  let server: RunningServer;
  let ports: ReadonlyMap<string, string>;
  const atPorts = (text: string) => text.replaceAll(/127\.0\.0\.1:\d+/g, (address) => ports.get(address) ?? address);

  before(async () => {
    workspace = await workspaceWith({ iris: 'examples/quickstart/models/iris' });
    ports = new Map([
      ['127.0.0.1:5000', `127.0.0.1:${await freePort()}`],
      ['127.0.0.1:3000', `127.0.0.1:${await freePort()}`],
    ]);
    const config = await readFile(`${CLIENTS}servery.config.yaml`, 'utf8');
    await writeFile(`${workspace.path}/servery.config.yaml`, atPorts(config));
    server = await startServer(workspace.path);
    ports = new Map([...ports, ['127.0.0.1:8080', new URL(server.http).host], ['127.0.0.1:8081', server.grpc]]);
  });
  after(async () => {
    assert.equal(await server.stop(), 0);
    await workspace[Symbol.asyncDispose]();
  });

  for (const script of scripts) {
    it(`answers ${script}`, async () => {
      const python = process.env['SERVERY_TEST_PYTHON'];
      assert.ok(python, 'SERVERY_TEST_PYTHON names the Python that has test/foreign/requirements.txt');
      const text = atPorts(await readFile(CLIENTS + script, 'utf8'));
      const { stdout } = await promisify(execFile)(python, ['-c', text], {
        cwd: workspace.path,
        env: { ...process.env, BENTOML_DO_NOT_TRACK: '1' },
      });
      assert.equal(stdout.trim(), '[0, 2]');
    });
  }
});
