/** Models inside a Fastify server: `node examples/embedding/with-fastify.ts [WORKSPACE]`. */
import fastify from 'fastify';
import { createServery, ServeryError } from 'servery';

const servery = await createServery({ workspace: process.argv[2] ?? 'examples/quickstart' });
const app = fastify();

app.post('/species', async (request, reply) => {
  try {
    return await servery.predict('iris', request.body as unknown[], { labels: true, timeoutMs: 1000 });
  } catch (error) {
    if (!(error instanceof ServeryError) || error.code !== 'INVALID_INPUT') throw error;
    return reply.code(400).send({ error: error.message, hint: error.hint });
  }
});

console.log(await app.listen({ host: '127.0.0.1', port: Number(process.env['PORT'] ?? 3000) }));

process.once('SIGTERM', async () => {
  await app.close();
  await servery[Symbol.asyncDispose]();
});
