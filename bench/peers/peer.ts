/** A server of others: how it is installed, started and asked. One table has them all: peers.ts. */
import { join } from 'node:path';
import type { BenchModel, Body } from '../online/cases.ts';

/** Rows that wait may run together up to this many, where a peer has to be told. */
export const MAX_BATCH_ROWS = 64;

export interface Peer {
  /** As `--peers` names it. */
  readonly name: string;
  /** As the table names it. */
  readonly title: string;
  /** Folder beside this file, with `requirements.txt` and the peer's own code; peers may share one. */
  readonly folder: string;
  /** An interpreter that it needs; any `python3` otherwise. */
  readonly python?: string;
  /** Whether it answers the Open Inference Protocol over gRPC too. */
  readonly speaksGrpc?: boolean;
  /** Why it takes no part unless `--peers` names it. */
  readonly onlyWhenNamed?: string;
  path(model: string): string;
  body(model: BenchModel): Body;
  /** Writes what must be there before a start, which is no part of the time that the start takes. */
  prepare(launch: Launch): Promise<Command>;
}

export interface Launch {
  readonly model: BenchModel;
  /** The file that all serve. */
  readonly file: string;
  /** For one run of ONNX Runtime. */
  readonly threads: number;
  readonly port: number;
  readonly grpcPort: number;
  readonly metricsPort: number;
  /** The peer's Python environment. */
  readonly environment: string;
  /** The folder with the peer's own code. */
  readonly code: string;
  /** Empty, and this start's alone. */
  readonly scratch: string;
}

export interface Command {
  readonly program: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

/** `python -m`: scripts of an environment name its interpreter by a path that is wrong once the folder is moved. */
export async function pythonModule(launch: Launch, name: string, args: readonly string[]): Promise<Command> {
  return { program: pythonOf(launch), args: ['-m', name, ...args], cwd: launch.code };
}

export function pythonOf({ environment }: { readonly environment: string }): string {
  return join(environment, 'bin', 'python');
}
