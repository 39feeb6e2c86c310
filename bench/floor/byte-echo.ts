/**
 * The floor of a body that is no JSON: a bare `node:http` server on one thread that reads it and answers fixed bytes.
 *
 * Takes the answer (base64) as its argument; prints its port.
 */
import { createServer } from 'node:http';

const answer = Buffer.from(process.argv[2]!, 'base64');

const server = createServer((request, response) => {
  request.on('data', () => undefined);
  request.on('end', () => {
    response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': answer.length });
    response.end(answer);
  });
});
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`${(server.address() as { port: number }).port}\n`);
});
