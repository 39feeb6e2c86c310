/**
 * What the HTTP door costs, against its floor: `node --conditions=servery-source bench/micro/http.bench.ts`
 *
 * A bare `node:http` server that parses the same JSON and answers the same JSON, and the door with a batcher and a
 * model that does nothing, in processes of their own, by turns. Medians over the rounds; the CPU time of the server
 * is the honest figure on a busy machine.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { INFER_BODY, openDoor } from '../../test/support/http-door.ts';
import { load } from '../load/plan.ts';

const ROUNDS = 7;
const SECONDS = 1;
const ANSWER = {
  model_name: 'doubler',
  model_version: '2',
  outputs: [{ name: 'y', datatype: 'FP32', shape: [1, 2], data: [3, 6] }],
};

async function serveFloor(): Promise<number> {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      JSON.parse((chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)).toString());
      const text = JSON.stringify(ANSWER);
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) });
      response.end(text);
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return (server.address() as AddressInfo).port;
}

interface Side {
  readonly child: ChildProcess;
  readonly port: number;
}

async function start(kind: 'floor' | 'door'): Promise<Side> {
  const child = fork(import.meta.filename, [kind], { execArgv: process.execArgv });
  const [port] = (await once(child, 'message')) as [number];
  return { child, port };
}

async function cpuMicrosOf(child: ChildProcess): Promise<number> {
  child.send('cpu');
  const [micros] = (await once(child, 'message')) as [number];
  return micros;
}

interface Measured {
  readonly perSecond: number;
  readonly p50Micros: number;
  readonly cpuMicros: number;
}

async function measure({ child, port }: Side, connections: number): Promise<Measured> {
  const cpuBefore = await cpuMicrosOf(child);
  const { requestsPerSecond, latencyMs, errors } = await load({
    target: { host: '127.0.0.1', port },
    path: '/v2/models/doubler/infer',
    headers: { 'content-type': 'application/json' },
    bodyBase64: Buffer.from(JSON.stringify(INFER_BODY)).toString('base64'),
    connections,
    warmUpSeconds: 0,
    seconds: SECONDS,
  });
  if (errors > 0) throw new Error(`${errors} requests failed`);
  const cpuMicros = ((await cpuMicrosOf(child)) - cpuBefore) / (requestsPerSecond * SECONDS);
  return { perSecond: requestsPerSecond, p50Micros: latencyMs.p50 * 1000, cpuMicros };
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!;
}

async function compare(): Promise<void> {
  const sides = { floor: await start('floor'), door: await start('door') };
  for (const connections of [1, 32, 256]) {
    const measured: Record<keyof typeof sides, Measured[]> = { floor: [], door: [] };
    for (let round = 0; round < ROUNDS; round += 1) {
      measured.floor.push(await measure(sides.floor, connections));
      measured.door.push(await measure(sides.door, connections));
    }
    const row: Record<string, string> = {};
    for (const key of ['perSecond', 'p50Micros', 'cpuMicros'] as const) {
      const floor = median(measured.floor.map((one) => one[key]));
      const door = median(measured.door.map((one) => one[key]));
      row[key] = `${door.toFixed(1)} of ${floor.toFixed(1)}: ${(door / floor).toFixed(2)}`;
    }
    process.stdout.write(`${connections} connections: ${JSON.stringify(row)}\n`);
  }
  for (const { child } of Object.values(sides)) child.disconnect();
}

const [, , kind] = process.argv;
if (kind === undefined) await compare();
else {
  process.send!(kind === 'floor' ? await serveFloor() : (await openDoor()).port);
  process.on('message', () => {
    const { user, system } = process.cpuUsage();
    process.send!(user + system);
  });
  process.once('disconnect', () => process.exit());
}
