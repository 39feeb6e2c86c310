import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { it } from 'node:test';
import { createServery } from '../../../src/app/embedded.ts';
import { notice } from '../../../src/core/events.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const handler = (route: string) => `import { defineHandler } from 'servery';
  import * as z from 'zod';
  export default defineHandler({ route: '${route}', body: z.object({}), predict: (bodies) => bodies });`;

it('of two handlers with one route the log names the one that does not answer there', async () => {
  await using folder = await temporaryFolder();
  for (const [name, route] of [
    ['b', 'POST /shops/:shop/score'],
    ['a', 'POST /shops/:id/score'],
    ['c', 'PUT /shops/:shop/score'],
  ] as const) {
    await mkdir(`${folder.path}/models/${name}/1`, { recursive: true });
    await writeFile(`${folder.path}/models/${name}/1/handler.ts`, handler(route));
  }
  const said: unknown[] = [];
  using _ = notice.subscribe(({ level, message, model }) => level === 'warn' && said.push({ message, model }));
  await using _servery = await createServery({ workspace: folder.path });
  assert.deepEqual(said, [
    {
      message: 'It does not answer at its route POST /shops/:shop/score: that of model "a" is the same',
      model: { name: 'b', version: 1 },
    },
  ]);
});
