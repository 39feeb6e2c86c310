/** Deadlines that pass in a real server, and who is told of them. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { startServer } from '../support/workspace-server.ts';

interface Told {
  readonly event: string;
  readonly kind: string;
  readonly job: string;
  readonly run: string | null;
  readonly at: string;
  readonly details: { readonly byMs?: number; readonly lastSuccessMs?: number | null };
}

describe('a deadline that passes', { timeout: 60_000 }, () => {
  it('is told to a webhook and to a command, once for each run, also when the first delivery fails', async () => {
    await using workspace = await temporaryFolder();
    await using webhook = await startWebhook();
    await configure(workspace.path, {
      batch: {
        stopGrace: '100ms',
        pools: { narrow: 1 },
        notify: [{ on: ['deadline'], webhook: webhook.url, headers: { authorization: { secret: 'HOOK_KEY' } } }],
      },
      jobs: {
        hog: { schedule: { cron: '* * * * * *', overlap: 'skip' }, command: ['sleep', '20'], pool: 'narrow' },
        'starts-late': {
          schedule: { cron: '* * * * * *', overlap: 'skip' },
          command: ['true'],
          pool: 'narrow',
          priority: -1,
          deadlines: { startWithin: '1s' },
        },
        'ends-late': {
          schedule: { cron: '* * * * * *', overlap: 'skip' },
          command: ['sleep', '15'],
          deadlines: { finishWithin: '2s' },
        },
        stale: {
          schedule: { cron: '0 0 1 1 *' },
          command: ['true'],
          deadlines: { freshWithin: '2s' },
          notify: [{ on: ['deadline'], command: ['sh', '-c', 'printf "%s\n" "$SERVERY_NOTIFICATION" >> told'] }],
        },
      },
    });
    await using server = await startServer(workspace.path, { command: 'up', env: { HOOK_KEY: 'key-1' } });

    const kinds = ['deadline.start', 'deadline.finish', 'deadline.fresh'];
    while (!kinds.every((kind) => webhook.told.some((told) => told.kind === kind))) await sleep(50);
    const byCommand = await until(() => readFile(join(workspace.path, 'told'), 'utf8').catch(() => ''));

    assert.ok(webhook.refused > 0, 'the first delivery was refused');
    for (const told of webhook.told) {
      assert.equal(told.event, 'deadline');
      assert.ok(Math.abs(Date.parse(told.at) - Date.now()) < 60_000);
    }
    const [start] = webhook.told.filter(({ kind }) => kind === 'deadline.start');
    const [finish] = webhook.told.filter(({ kind }) => kind === 'deadline.finish');
    const stale = webhook.told.filter(({ kind }) => kind === 'deadline.fresh');
    assert.equal(start!.job, 'starts-late');
    assert.match(start!.run!, /^starts-late~.*~schedule$/);
    assert.equal(finish!.job, 'ends-late');
    assert.equal(finish!.details.byMs! % 1000, 0, 'its instant, and two seconds');
    assert.deepEqual(
      stale.map(({ job, run, details }) => [job, run, details.lastSuccessMs]),
      [['stale', null, null]],
    );
    assert.deepEqual((JSON.parse(byCommand) as Told).kind, 'deadline.fresh');

    const run = (await (await fetch(`${server.http}/api/runs/${finish!.run}`)).json()) as { readonly state: string };
    assert.equal(run.state, 'running', 'a deadline stops nothing');
    const keys = webhook.told.map(({ kind, job, run: id }) => `${kind} ${job} ${id}`);
    assert.equal(new Set(keys).size, keys.length, 'each is told once');
  });
});

function configure(folder: string, config: object): Promise<void> {
  return writeFile(join(folder, 'servery.config.json'), JSON.stringify(config));
}

async function until(read: () => Promise<string>): Promise<string> {
  for (;;) {
    const found = await read();
    if (found.endsWith('\n')) return found;
    await sleep(20);
  }
}

/** Refuses the first request, as a server that is just restarting, and every one without the key. */
async function startWebhook(): Promise<
  AsyncDisposable & { readonly url: string; readonly told: readonly Told[]; readonly refused: number }
> {
  const told: Told[] = [];
  let refused = 0;
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      const isRefused = refused === 0 || request.headers.authorization !== 'key-1';
      if (isRefused) refused += 1;
      else told.push(JSON.parse(body) as Told);
      response.writeHead(isRefused ? 503 : 204).end();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`,
    told,
    get refused() {
      return refused;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
