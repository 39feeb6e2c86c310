/** Servers under test and floors as processes: started, waited for by what they print, stopped. */
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';

export interface RunningServer extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
  readonly grpcPort?: number;
  readonly pid: number;
}

const ROOT = new URL('..', import.meta.url).pathname;

export function startEcho(answer: unknown): Promise<RunningServer> {
  return startFloor('echo.ts', JSON.stringify(answer));
}

export function startByteEcho(answer: Uint8Array): Promise<RunningServer> {
  return startFloor('byte-echo.ts', Buffer.from(answer).toString('base64'));
}

export function startGrpcEcho(answerBase64: string): Promise<RunningServer> {
  return startFloor('grpc-echo.ts', answerBase64);
}

async function startFloor(file: string, argument: string): Promise<RunningServer> {
  const child = spawn(process.execPath, [`${ROOT}bench/floor/${file}`, argument], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
  return running(child, Number(line));
}

/** The server as a user starts it; resolves when it is ready. */
export async function startServery(
  workspace: string,
  set: readonly string[] = [],
  command: 'serve' | 'up' = 'serve',
): Promise<RunningServer> {
  // What happens to the models is no part of a table.
  const options = ['log.level=warn', ...set].flatMap((assignment) => ['--set', assignment]);
  const args = [command, workspace, '--http', '127.0.0.1:0', '--grpc', '127.0.0.1:0', '--json', ...options];
  const child = spawn(`${ROOT}bin/servery`, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
  const { server } = JSON.parse(line) as { server: { http: string; grpc: string } };
  while (!(await fetch(`${server.http}/v2/health/ready`)).ok) await new Promise((resolve) => setTimeout(resolve, 20));
  return { ...running(child, Number(new URL(server.http).port)), grpcPort: Number(server.grpc.split(':')[1]) };
}

/** Rows per second and median milliseconds of bare ONNX Runtime, by batch size. */
export async function measureEngine(
  file: string,
  input: string,
  shape: readonly number[],
  sizes: readonly number[],
  threads: number,
  seconds: number,
): Promise<readonly { rows: number; rowsPerSecond: number; p50Ms: number }[]> {
  const args = [file, input, shape.join(','), sizes.join(','), String(threads), String(seconds)];
  const { stdout } = await promisify(execFile)(process.execPath, [`${ROOT}bench/floor/engine.ts`, ...args]);
  return JSON.parse(stdout) as { rows: number; rowsPerSecond: number; p50Ms: number }[];
}

function running(child: ChildProcess, port: number): RunningServer {
  return {
    host: '127.0.0.1',
    port,
    pid: child.pid!,
    async [Symbol.asyncDispose]() {
      if (child.exitCode !== null) return;
      const exited = once(child, 'exit');
      child.kill('SIGTERM');
      await exited;
    },
  };
}
