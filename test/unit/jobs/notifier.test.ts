import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { startNotifier, type Notifier } from '../../../src/jobs/notifier.ts';
import { jobBench, makeJob, type JobBench } from '../../support/jobs.ts';

const OVER = ['succeeded', 'failed'] as const;

describe('notifier', { timeout: 30_000 }, () => {
  it('tells a webhook of a failure and of the recovery, and of nothing else', async () => {
    await using bench = await jobBench();
    await using hook = await webhook();
    const flag = join(bench.folder, 'broken');
    const job = makeJob('shaky', {
      shell: true,
      command: `[ ! -e '${flag}' ]`,
      notify: [{ webhook: hook.url, headers: { authorization: { secret: 'HOOK_TOKEN' } } }],
    });
    await bench.configure(job);
    await using _ = await notifierOn(bench);
    bench.work();
    const run = async () => bench.until((await bench.add(job)).id, ...OVER);
    await run();
    await writeFile(flag, '');
    const failed = await run();
    await rm(flag);
    await run();
    await run();
    const told = await hook.received(2);
    assert.deepEqual(
      told.map(({ body, authorization }) => [body['event'], body['job'], authorization]),
      [
        ['failure', 'shaky', 'Bearer secret'],
        ['recovery', 'shaky', 'Bearer secret'],
      ],
    );
    assert.equal(told[0]!.body['run'], failed.id);
    assert.deepEqual(told[0]!.body['error'], { code: 'COMMAND_FAILED', message: 'The program failed: exit code 1' });
  });

  it('starts a command, and tries again what could not be delivered', async () => {
    await using bench = await jobBench();
    await using hook = await webhook(1);
    const job = makeJob('broken', {
      command: ['false'],
      notify: [
        { on: ['failure'], command: ['sh', '-c', 'printf %s "$SERVERY_NOTIFICATION" > told'] },
        { on: ['failure'], webhook: hook.url },
      ],
    });
    await bench.configure(job);
    await using _ = await notifierOn(bench);
    bench.work();
    await bench.until((await bench.add(job)).id, ...OVER);
    await hook.received(2);
    const told = JSON.parse(await readFile(join(bench.folder, 'told'), 'utf8')) as Record<string, unknown>;
    assert.equal(told['job'], 'broken');
  });

  it('goes on where it was after a restart', async () => {
    await using bench = await jobBench();
    await using hook = await webhook();
    const job = makeJob('broken', { command: ['false'], notify: [{ webhook: hook.url }] });
    await bench.configure(job);
    {
      await using _ = await notifierOn(bench);
      bench.work();
      await bench.until((await bench.add(job)).id, ...OVER);
      await hook.received(1);
    }
    await bench.until((await bench.add(job)).id, ...OVER);
    await using _ = await notifierOn(bench);
    assert.equal((await hook.received(2)).length, 2);
  });
});

async function notifierOn({ engine, folder }: JobBench): Promise<Notifier> {
  const secret = (name: string) => (name === 'HOOK_TOKEN' ? 'Bearer secret' : undefined);
  const notifier = startNotifier({
    engine,
    stateFolder: join(folder, '.servery'),
    workspace: folder,
    env: process.env,
    secret,
    isInCharge: () => true,
  });
  await notifier.isListening;
  return notifier;
}

interface Told {
  readonly body: Readonly<Record<string, unknown>>;
  readonly authorization: string | undefined;
}

/** A server that keeps what it is told, and refuses the first few. */
async function webhook(refusals = 0) {
  const told: Told[] = [];
  let left = refusals;
  let more = Promise.withResolvers<void>();
  const server = createServer((request, response) => {
    void (async () => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const body = JSON.parse(Buffer.concat(chunks).toString()) as Told['body'];
      told.push({ body, authorization: request.headers.authorization });
      response.statusCode = left > 0 ? 503 : 200;
      left -= 1;
      response.end();
      more.resolve();
      more = Promise.withResolvers();
    })();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`,
    async received(count: number): Promise<readonly Told[]> {
      while (told.length < count) await more.promise;
      return told;
    },
    [Symbol.asyncDispose]: () =>
      new Promise<void>((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}
