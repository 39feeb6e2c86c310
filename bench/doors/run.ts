/**
 * `npm run bench -- doors`: what each door costs. One row of iris at 32 connections, beside an echo of the same bytes
 * and beside the Open Inference Protocol at the same server.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { referencesFor, wantedOf } from '../arena/reference.ts';
import { modelOf } from '../online/cases.ts';
import type { BenchOptions } from '../online/run.ts';
import { makeWorkspace } from '../online/workspace.ts';
import { freePorts } from '../peers/start.ts';
import { startByteEcho, startEcho, startGrpcEcho, startServery, type RunningServer } from '../processes.ts';
import { save } from '../results.ts';
import { HEADING, lineOf, takeTurns, textOf, type Goal, type Line } from '../table.ts';
import { ACCESS_KEY, DOORS, OIP_GRPC, OIP_JSON, type BenchDoor, type Ports } from './doors.ts';
import { askDoor, loadDoor, type Figures } from './load.ts';
import { requireValues } from './values.ts';

const WARM_UP_SECONDS = 0.3;
/** Of code that has not run yet. */
const COMPILING_SECONDS = 1;
const GOAL: Goal = { atLeast: 0.6 };

export async function runDoors({ only = '', keep, ...effort }: BenchOptions): Promise<void> {
  const iris = modelOf('iris');
  const wanted = wantedOf(await referencesFor([iris]), iris);
  const lines: Line[] = [];
  console.log(HEADING);
  for (const signs of [false, true]) {
    const doors = DOORS.filter((door) => (door.signs ?? false) === signs && door.title.includes(only));
    if (doors.length === 0) continue;
    await using server = await startDoors(signs);
    for (const door of doors) {
      const answer = await askDoor(door, server.ports);
      requireValues(door, answer, wanted);
      const measured = await measureDoor(door, server.ports, answer, effort);
      for (const line of measured) console.log(textOf(line));
      lines.push(...measured);
    }
  }
  await save('doors', lines, { keep });
}

/** A server with all doors open, those too that have no place on the shared port. */
async function startDoors(signs: boolean): Promise<AsyncDisposable & { readonly ports: Ports }> {
  const workspace = await makeWorkspace(['iris']);
  const [kserve, bentoml] = await freePorts();
  const sagemaker = signs ? { accessKeys: [ACCESS_KEY] } : {};
  const protocols = {
    kserve: { http: `127.0.0.1:${kserve}` },
    bentoml: { http: `127.0.0.1:${bentoml}` },
    sagemaker,
  };
  await writeFile(join(workspace.folder, 'servery.config.json'), JSON.stringify({ protocols }));
  const server = await startServery(workspace.folder);
  return {
    ports: { http: server.port, grpc: server.grpcPort!, kserve, bentoml },
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await workspace[Symbol.asyncDispose]();
    },
  };
}

async function measureDoor(
  door: BenchDoor,
  ports: Ports,
  answer: Buffer,
  { seconds, repetitions }: Pick<BenchOptions, 'seconds' | 'repetitions'>,
): Promise<readonly Line[]> {
  await using echo = await startEchoOf(door, answer);
  const measure = (of: BenchDoor, port?: number) => loadDoor(of, ports, seconds, WARM_UP_SECONDS, port);
  const reference = DOORS.find(
    ({ title }) => title === ('grpc' in door && door.title !== OIP_GRPC ? OIP_GRPC : OIP_JSON),
  )!;
  for (const each of [reference, door]) await loadDoor(each, ports, COMPILING_SECONDS, 0);
  await loadDoor(door, ports, COMPILING_SECONDS, 0, echo.port);
  const measured = await takeTurns(
    repetitions,
    async () => ({ echo: await measure(door, echo.port), reference: await measure(reference) }),
    () => measure(door),
  );
  const line = (other: 'echo' | 'reference', against: string, goal?: Goal) =>
    lineOf(
      `iris, ${door.title}, 32 connections: requests/s`,
      measured.map(({ ours, theirs }) => ({ ours, theirs: theirs[other] })),
      ({ rate }: Figures) => rate,
      { against, errors: ({ errors }) => errors, goal },
    );
  const besideEcho = line('echo', 'grpc' in door ? 'the gRPC echo' : 'the echo');
  if (reference === door) return [besideEcho];
  return [besideEcho, line('reference', reference.title, door.title === OIP_GRPC ? undefined : GOAL)];
}

function startEchoOf(door: BenchDoor, answer: Buffer): Promise<RunningServer> {
  if ('grpc' in door) return startGrpcEcho(answer.toString('base64'));
  return door.values === 'json' ? startEcho(JSON.parse(answer.toString())) : startByteEcho(answer);
}
