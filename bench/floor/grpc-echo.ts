/**
 * The floor of the gRPC door: a bare `node:http2` server that reads a unary message and answers a fixed one.
 *
 * Takes the answer (base64, without frame) as its argument; prints its port.
 */
import { createServer } from 'node:http2';

const answer = Buffer.from(process.argv[2]!, 'base64');
const frame = Buffer.alloc(5 + answer.length);
frame.writeUInt32BE(answer.length, 1);
answer.copy(frame, 5);

const server = createServer();
server.on('stream', (stream) => {
  const chunks: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  stream.on('end', () => {
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
    stream.end(frame);
  });
});
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`${(server.address() as { port: number }).port}\n`);
});
