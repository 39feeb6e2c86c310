/** One measurement of a contender, by our own load generators in processes of their own. */
import { fromBinary } from '@bufbuild/protobuf';
import { ModelInferResponseSchema } from '../../src/protocol/open-inference-grpc/gen/open_inference_pb.ts';
import { loadGrpc } from '../load/grpc-plan.ts';
import { load } from '../load/plan.ts';
import { modelOf } from '../online/cases.ts';
import { INFER_CALL, irisRequest } from '../online/grpc.ts';
import type { RunningServer } from '../processes.ts';
import { compare } from './answer.ts';
import type { ArenaCase } from './cases.ts';
import type { Contender } from './contender.ts';
import { keepApart, LOAD_CORE } from '../load/placement.ts';
import { wantedOf, type References } from './reference.ts';

export interface Figures {
  readonly requestsPerSecond: number;
  readonly p50Ms: number;
  /** Undefined where it is not measured. */
  readonly p99Ms?: number;
  readonly errors: number;
}

const WARM_UP_SECONDS = 0.3;
const FIRST_WARM_UP_SECONDS = 1;
const COMPILING_CONNECTIONS = 32;

/**
 * The first load of a server. Code is compiled once it has run often, and compiled anew while it runs oftener: one
 * connection alone would take half a minute for what many do in a second.
 */
export async function warmUp(
  one: ArenaCase,
  contender: Pick<Contender, 'path' | 'body'>,
  server: RunningServer,
): Promise<void> {
  const connections = Math.max(one.connections, COMPILING_CONNECTIONS);
  await measure({ ...one, connections }, contender, server, FIRST_WARM_UP_SECONDS, 0);
  if (connections !== one.connections) await measure(one, contender, server, FIRST_WARM_UP_SECONDS, 0);
}

export async function measure(
  one: ArenaCase,
  contender: Pick<Contender, 'path' | 'body'>,
  { host, port, grpcPort, pid }: RunningServer,
  seconds: number,
  warmUpSeconds = WARM_UP_SECONDS,
): Promise<Figures> {
  const { connections } = one;
  if (one.protocol === 'grpc') {
    const message = grpcMessage();
    const plan = { port: grpcPort!, path: INFER_CALL, messageBase64: message, calls: connections };
    const { callsPerSecond, p50Ms, errors } = await loadGrpc({ ...plan, warmUpSeconds, seconds });
    return { requestsPerSecond: callsPerSecond, p50Ms, errors };
  }
  const { headers, bytes } = contender.body(modelOf(one.model));
  const isAlone = connections === 1;
  using _ = isAlone ? keepApart(pid) : undefined;
  const plan = {
    target: { host, port },
    path: contender.path(one.model),
    headers,
    bodyBase64: Buffer.from(bytes).toString('base64'),
    connections,
    warmUpSeconds,
    seconds,
  };
  const report = await load(plan, isAlone ? LOAD_CORE : undefined);
  const { requestsPerSecond, refusedPerSecond, latencyMs } = report;
  // A refusal is no error of a server, but it is no prediction either.
  const errors = report.errors + Math.round(refusedPerSecond * seconds);
  return { requestsPerSecond, p50Ms: latencyMs.p50, p99Ms: latencyMs.p99, errors };
}

/** One call, checked against what ONNX Runtime gives. Returns the answer, for an echo. */
export async function checkGrpc(port: number, references: References): Promise<string> {
  const plan = { port, path: INFER_CALL, messageBase64: grpcMessage(), calls: 1 };
  const { answerBase64 } = await loadGrpc({ ...plan, warmUpSeconds: 0, seconds: 0.05 });
  const { outputs, rawOutputContents } = fromBinary(ModelInferResponseSchema, Buffer.from(answerBase64, 'base64'));
  const index = outputs.findIndex(({ name }) => name === 'probabilities');
  const raw = rawOutputContents[index];
  const values =
    raw === undefined ? (outputs[index]?.contents?.fp32Contents ?? []) : new Float32Array(Uint8Array.from(raw).buffer);
  compare(Array.from(values), wantedOf(references, modelOf('iris')));
  return answerBase64;
}

function grpcMessage(): string {
  return Buffer.from(irisRequest()).toString('base64');
}
