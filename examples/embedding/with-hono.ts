/** Models inside a Hono server: `node examples/embedding/with-hono.ts [WORKSPACE]`. */
import { serve } from '@hono/node-server';
import { Hono } from 'hono';
import { createServery, ServeryError } from 'servery';

const servery = await createServery({ workspace: process.argv[2] ?? 'examples/quickstart' });
const app = new Hono();

app.post('/species', async (context) => {
  try {
    return context.json(await servery.predict('iris', await context.req.json(), { labels: true, timeoutMs: 1000 }));
  } catch (error) {
    if (!(error instanceof ServeryError) || error.code !== 'INVALID_INPUT') throw error;
    return context.json({ error: error.message, hint: error.hint }, 400);
  }
});

const port = Number(process.env['PORT'] ?? 3000);
const server = serve({ fetch: app.fetch, hostname: '127.0.0.1', port }, (address) => {
  console.log(`http://127.0.0.1:${address.port}`);
});

process.once('SIGTERM', async () => {
  await new Promise((resolve) => server.close(resolve));
  await servery[Symbol.asyncDispose]();
});
