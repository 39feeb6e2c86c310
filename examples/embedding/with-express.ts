/** Models inside an Express server: `node examples/embedding/with-express.ts [WORKSPACE]`. */
import type { AddressInfo } from 'node:net';
import express from 'express';
import { createServery, ServeryError } from 'servery';

const servery = await createServery({ workspace: process.argv[2] ?? 'examples/quickstart' });
const app = express();
app.use(express.json());

app.post('/species', async (request, response) => {
  try {
    response.json(await servery.predict('iris', request.body as unknown[], { labels: true, timeoutMs: 1000 }));
  } catch (error) {
    if (!(error instanceof ServeryError) || error.code !== 'INVALID_INPUT') throw error;
    response.status(400).json({ error: error.message, hint: error.hint });
  }
});

const server = app.listen(Number(process.env['PORT'] ?? 3000), '127.0.0.1', () => {
  console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});

process.once('SIGTERM', async () => {
  await new Promise((resolve) => server.close(resolve));
  await servery[Symbol.asyncDispose]();
});
