/** One measurement of a door, and one answer of it. */
import { loadGrpc } from '../load/grpc-plan.ts';
import { load } from '../load/plan.ts';
import type { BenchDoor, Ports } from './doors.ts';

export interface Figures {
  readonly rate: number;
  readonly errors: number;
}

const CONNECTIONS = 32;

/** @param port where the door is not at its own: an echo's */
export async function loadDoor(
  door: BenchDoor,
  ports: Ports,
  seconds: number,
  warmUpSeconds: number,
  port?: number,
): Promise<Figures> {
  const effort = { warmUpSeconds, seconds };
  if ('grpc' in door) {
    const { path, message, ...own } = door.grpc(ports);
    const plan = { port: port ?? own.port, path, messageBase64: toBase64(message), calls: CONNECTIONS };
    const { callsPerSecond, errors } = await loadGrpc({ ...plan, ...effort });
    return { rate: callsPerSecond, errors };
  }
  const { path, headers, body, ...own } = door.http(ports);
  const target = { host: '127.0.0.1', port: port ?? own.port };
  const plan = { target, path, headers, bodyBase64: toBase64(body), connections: CONNECTIONS };
  const { requestsPerSecond, errors, refusedPerSecond } = await load({ ...plan, ...effort });
  return { rate: requestsPerSecond, errors: errors + Math.round(refusedPerSecond * seconds) };
}

/** @throws {Error} when it refuses */
export async function askDoor(door: BenchDoor, ports: Ports): Promise<Buffer> {
  if ('grpc' in door) {
    const { port, path, message } = door.grpc(ports);
    const plan = { port, path, messageBase64: toBase64(message), calls: 1, warmUpSeconds: 0, seconds: 0.05 };
    const { answerBase64, errors } = await loadGrpc(plan);
    if (errors > 0) throw new Error(`${door.title}: the call fails`);
    return Buffer.from(answerBase64, 'base64');
  }
  const { port, path, headers, body } = door.http(ports);
  const init = { method: 'POST', headers, body: Buffer.from(body) };
  const response = await fetch(`http://127.0.0.1:${port}${path}`, init);
  const answer = Buffer.from(await response.arrayBuffer());
  if (!response.ok) throw new Error(`${door.title}: status ${response.status}: ${answer.toString()}`);
  return answer;
}

function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}
