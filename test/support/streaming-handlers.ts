/** Handlers whose answers come bit by bit: one with a route of its own, whose body says how it behaves, one by rows. */
import { mkdir, writeFile } from 'node:fs/promises';

export const TALK = `import { defineHandler } from 'servery';
  import * as z from 'zod';
  let made = 0;
  export default defineHandler({
    route: 'POST /talk',
    body: z.object({ say: z.enum(['text', 'values', 'bytes', 'nothing', 'fail', 'fail-late', 'endless', 'slow', 'wrong', 'ten', 'made']) }),
    async *stream({ say }, { signal, log }) {
      if (say === 'text') yield* ['one ', 'two\\nlines ', 'drei ü'];
      if (say === 'values') yield* [{ a: 1 }, [2], 3, null];
      if (say === 'bytes') yield new Uint8Array([0, 255]);
      if (say === 'made') yield made;
      if (say === 'fail') throw new Error('secret');
      if (say === 'fail-late') { yield 'begun'; throw new Error('secret'); }
      if (say === 'wrong') { yield 'begun'; yield undefined; }
      if (say === 'ten') for (let i = 0; i < 10; i += 1) { yield i + ' '; await new Promise((later) => setTimeout(later, 100)); }
      if (say === 'slow') {
        yield 'first';
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
        log.info('heard ' + signal.reason.code);
      }
      if (say === 'endless') {
        try { for (made = 0; ; made += 1) yield new Uint8Array(65536); }
        finally { log.info('stopped'); }
      }
    },
  });`;
export const SPELL = `import { defineHandler } from 'servery';
  export default defineHandler({
    signature: { inputs: { word: 'BYTES' }, outputs: { letters: 'BYTES' } },
    *stream({ word }) { for (const letter of word) yield letter + '.'; },
  });`;

/** A handler that answers at once, at a route of its own. */
export const ADD = `import { defineHandler } from 'servery';
  import * as z from 'zod';
  export default defineHandler({
    route: 'POST /add',
    body: z.object({ a: z.number(), b: z.number() }),
    predict: (bodies) => bodies.map(({ a, b }) => ({ sum: a + b })),
  });`;

/** A handler that says what each of its features adds. */
export const RISK = `import { defineHandler } from 'servery';
  export default defineHandler({
    signature: { inputs: { a: 'FP32', b: 'FP32' }, outputs: { sum: 'FP32' } },
    predict: (rows) => rows.map(({ a, b }) => ({ sum: 2 * a + b })),
    explain: (rows, { parameters }) =>
      rows.map(({ a, b }) => {
        const featureAttributions = { a: 2 * a, b };
        if (parameters.form !== 'whole') return featureAttributions;
        return { attributions: [{ baselineOutputValue: 0.5, instanceOutputValue: 2 * a + b, featureAttributions, outputIndex: [0], outputName: 'sum' }] };
      }),
  });`;

/** As version 1 of a model each, in one thread that runs several calls at once. */
export async function writeHandlers(workspace: string, sources: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, source] of Object.entries(sources)) {
    await mkdir(`${workspace}/models/${name}/1`, { recursive: true });
    await writeFile(`${workspace}/models/${name}/1/handler.ts`, source);
    await writeFile(`${workspace}/models/${name}/model.yaml`, 'runtime:\n  threads: 1\n  concurrency: 4\n');
  }
}
