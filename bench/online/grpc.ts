/** Unary inference over gRPC, held against a bare `node:http2` answer of the same size. */
import { BinaryWriter } from '@bufbuild/protobuf/wire';
import { loadGrpc, type GrpcReport } from '../load/grpc-plan.ts';
import { startGrpcEcho, startServery } from '../processes.ts';
import { lineOf, type Line } from '../report.ts';
import { makeWorkspace } from './workspace.ts';

const PATH = '/inference.GRPCInferenceService/ModelInfer';

export async function measureGrpc(seconds: number, repetitions: number): Promise<Line> {
  await using workspace = await makeWorkspace(['iris']);
  await using servery = await startServery(workspace.folder);
  await using echo = await startGrpcEcho(Buffer.alloc(120, 1));
  const plan = {
    path: PATH,
    messageBase64: Buffer.from(irisRequest()).toString('base64'),
    calls: 32,
    warmUpSeconds: Math.min(2, seconds / 2),
    seconds,
  };
  const pairs: { floor: GrpcReport; ours: GrpcReport }[] = [];
  for (let i = 0; i < repetitions; i += 1) {
    const floor = await loadGrpc({ ...plan, port: echo.port });
    pairs.push({ floor, ours: await loadGrpc({ ...plan, port: servery.grpcPort! }) });
  }
  const errors = pairs.reduce((sum, { ours }) => sum + ours.errors, 0);
  return lineOf('grpc iris, 32 calls: calls/s', pairs, (report) => report.callsPerSecond, { errors, goal: '' });
}

/** ModelInferRequest: model_name=1, inputs=5 { name=1, datatype=2, shape=3 }, raw_input_contents=7. */
function irisRequest(): Uint8Array {
  const input = new BinaryWriter().tag(1, 2).string('X').tag(2, 2).string('FP32').tag(3, 2).bytes(Uint8Array.of(1, 4));
  const row = new Uint8Array(Float32Array.of(5.1, 3.5, 1.4, 0.2).buffer);
  return new BinaryWriter().tag(1, 2).string('iris').tag(5, 2).bytes(input.finish()).tag(7, 2).bytes(row).finish();
}
