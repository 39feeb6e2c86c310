/**
 * The floor of the JSON door: a bare `node:http` server on one thread that parses the body and answers JSON of
 * the same shape. Everything a server does above this is its own cost.
 *
 * Arguments: the answer, and its port; any free one otherwise. Prints the port.
 */
import { createServer } from 'node:http';

const answer = JSON.parse(process.argv[2]!) as unknown;

const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const body = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
    JSON.parse(body.toString());
    const text = JSON.stringify(answer);
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) });
    response.end(text);
  });
});
server.listen(Number(process.argv[3] ?? 0), '127.0.0.1', () => {
  process.stdout.write(`${(server.address() as { port: number }).port}\n`);
});
