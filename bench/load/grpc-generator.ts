/**
 * The load generator for gRPC, a process of its own: unary calls in a closed loop over `node:http2`.
 *
 * Heavier than the server that it measures; both sides of a ratio pay for it alike.
 */
import { connect, type ClientHttp2Session } from 'node:http2';
import type { GrpcPlan, GrpcReport } from './grpc-plan.ts';

process.once('message', (plan: GrpcPlan) => {
  void run(plan).then((report) => process.send!(report, () => process.disconnect()));
});

async function run({ port, path, messageBase64, calls, warmUpSeconds, seconds }: GrpcPlan): Promise<GrpcReport> {
  const message = Buffer.from(messageBase64, 'base64');
  const frame = Buffer.alloc(5 + message.length);
  frame.writeUInt32BE(message.length, 1);
  message.copy(frame, 5);
  const sessions = Array.from({ length: Math.min(8, calls) }, () => connect(`http://127.0.0.1:${port}`));
  const from = performance.now() + warmUpSeconds * 1000;
  const until = from + seconds * 1000;
  const latencies: number[] = [];
  let errors = 0;
  let answer: Buffer | undefined;

  const once = (session: ClientHttp2Session) =>
    new Promise<void>((resolve) => {
      const begin = performance.now();
      let status: unknown;
      const headers = { ':method': 'POST', ':path': path, 'content-type': 'application/grpc', te: 'trailers' };
      const stream = session.request(headers);
      stream.on('response', (head) => (status = head['grpc-status'] ?? status));
      stream.on('trailers', (trailers) => (status = trailers['grpc-status']));
      stream.on('error', () => (errors += 1));
      stream.on('close', () => {
        if (begin >= from && performance.now() < until) {
          if (status === '0') latencies.push(performance.now() - begin);
          else errors += 1;
        }
        resolve();
      });
      if (answer === undefined) stream.on('data', (chunk: Buffer) => (answer = chunk));
      else stream.resume();
      stream.end(frame);
    });
  const caller = async (session: ClientHttp2Session) => {
    while (performance.now() < until) await once(session);
  };
  await Promise.all(Array.from({ length: calls }, (_, i) => caller(sessions[i % sessions.length]!)));
  for (const session of sessions) session.destroy();
  latencies.sort((a, b) => a - b);
  return {
    callsPerSecond: latencies.length / seconds,
    p50Ms: latencies[latencies.length >> 1] ?? NaN,
    errors,
    answerBase64: answer!.subarray(5).toString('base64'),
  };
}
