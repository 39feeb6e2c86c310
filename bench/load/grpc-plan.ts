/** What the gRPC load generator is asked to do, what it reports, and how it is started. */
import { fork } from 'node:child_process';
import { once } from 'node:events';

export interface GrpcPlan {
  readonly port: number;
  readonly path: string;
  /** One message, without its frame. */
  readonly messageBase64: string;
  /** Calls under way at once, over at most 8 connections. */
  readonly calls: number;
  readonly warmUpSeconds: number;
  readonly seconds: number;
}

export interface GrpcReport {
  readonly callsPerSecond: number;
  readonly p50Ms: number;
  readonly errors: number;
  /** A message that was answered, without its frame. */
  readonly answerBase64: string;
}

export async function loadGrpc(plan: GrpcPlan): Promise<GrpcReport> {
  const generator = fork(new URL('./grpc-generator.ts', import.meta.url), { execArgv: [] });
  generator.send(plan);
  const [report] = (await once(generator, 'message')) as [GrpcReport];
  return report;
}
