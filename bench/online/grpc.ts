/** Unary inference over gRPC, held against a bare `node:http2` server that gives the same answer. */
import { BinaryWriter } from '@bufbuild/protobuf/wire';
import { loadGrpc, type GrpcReport } from '../load/grpc-plan.ts';
import { startGrpcEcho, startServery } from '../processes.ts';
import type { Effort } from './against-floor.ts';
import { lineOf, takeTurns, type Line } from '../table.ts';
import { modelOf, rowOf } from './cases.ts';
import { makeWorkspace } from './workspace.ts';

export const INFER_CALL = '/inference.GRPCInferenceService/ModelInfer';

export async function measureGrpc({ seconds, repetitions }: Effort): Promise<readonly Line[]> {
  await using workspace = await makeWorkspace(['iris']);
  await using servery = await startServery(workspace.folder);
  const plan = {
    port: servery.grpcPort!,
    path: INFER_CALL,
    messageBase64: Buffer.from(irisRequest()).toString('base64'),
    calls: 32,
    warmUpSeconds: Math.min(2, seconds / 2),
    seconds,
  };
  const { answerBase64 } = await loadGrpc({ ...plan, calls: 1, warmUpSeconds: 0, seconds: 0.1 });
  await using echo = await startGrpcEcho(answerBase64);
  const measured = await takeTurns(
    repetitions,
    () => loadGrpc({ ...plan, port: echo.port }),
    () => loadGrpc(plan),
  );
  const held = { against: 'the gRPC echo', errors: (report: GrpcReport) => report.errors };
  return [
    lineOf('iris, gRPC, 32 calls: calls/s', measured, ({ callsPerSecond }) => callsPerSecond, {
      ...held,
      goal: { atLeast: 0.7 },
    }),
    lineOf('iris, gRPC, 32 calls: p50 ms', measured, ({ p50Ms }) => p50Ms, held),
  ];
}

/** ModelInferRequest: model_name=1, inputs=5 { name=1, datatype=2, shape=3 }, raw_input_contents=7. */
export function irisRequest(): Uint8Array {
  const input = new BinaryWriter().tag(1, 2).string('X').tag(2, 2).string('FP32').tag(3, 2).bytes(Uint8Array.of(1, 4));
  const row = new Uint8Array(Float32Array.from(rowOf(modelOf('iris'))).buffer);
  return new BinaryWriter().tag(1, 2).string('iris').tag(5, 2).bytes(input.finish()).tag(7, 2).bytes(row).finish();
}
