/** One contender after the other beside Servery, which stays up meanwhile and is measured before and after each. */
import { availableParallelism } from 'node:os';
import { modelOf } from '../online/cases.ts';
import { startGrpcEcho, type RunningServer } from '../processes.ts';
import { lineOf, takeTurns, type Line } from '../table.ts';
import { goalAgainst, type ArenaCase } from './cases.ts';
import type { Contender } from './contender.ts';
import { measureEngines } from './engines.ts';
import { linesOf } from './lines.ts';
import { checkGrpc, measure, warmUp, type Figures } from './measure.ts';
import type { References } from './reference.ts';

export interface ArenaEffort {
  readonly seconds: number;
  readonly repetitions: number;
}

export interface OnlineArena {
  readonly cases: readonly ArenaCase[];
  readonly servery: Contender;
  readonly contenders: readonly Contender[];
  readonly references: References;
  readonly effort: ArenaEffort;
  print(lines: readonly Line[]): void;
  /** A contender that cannot take part. */
  failed(title: string, error: unknown): void;
}

export async function runOnlineArena(arena: OnlineArena): Promise<void> {
  for (const model of new Set(arena.cases.map((one) => one.model))) {
    const cases = arena.cases.filter((one) => one.model === model);
    await using ours = await arena.servery.start(modelOf(model));
    for (const one of cases) await warmUp(one, arena.servery, ours);
    for (const contender of arena.contenders) {
      const entered = cases.filter((one) => goalAgainst(one, contender.name) !== undefined);
      if (entered.length === 0) continue;
      try {
        await using theirs = await contender.start(modelOf(model));
        for (const one of entered) arena.print(await against(arena, one, ours, contender, theirs));
      } catch (error) {
        arena.failed(contender.title, error);
      }
    }
    for (const one of cases) {
      if ('grpc-echo' in one.against) arena.print(await againstGrpcEcho(arena, one, ours));
      if ('engine-node' in one.against) await againstEngines(arena, one, ours);
    }
  }
}

async function against(
  { servery, references, effort }: OnlineArena,
  one: ArenaCase,
  ours: RunningServer,
  contender: Contender,
  theirs: RunningServer,
): Promise<readonly Line[]> {
  if (one.protocol === 'grpc') await checkGrpc(theirs.grpcPort!, references);
  await warmUp(one, contender, theirs);
  const measured = await takeTurns(
    effort.repetitions,
    () => measure(one, contender, theirs, effort.seconds),
    // Half as long: each of the other's figures is held against two of these.
    () => measure(one, servery, ours, effort.seconds / 2),
  );
  return linesOf(one, contender, measured);
}

async function againstGrpcEcho(arena: OnlineArena, one: ArenaCase, ours: RunningServer): Promise<readonly Line[]> {
  await using echo = await startGrpcEcho(await checkGrpc(ours.grpcPort!, arena.references));
  const title = 'the gRPC echo';
  return await against(
    arena,
    one,
    ours,
    { ...arena.servery, name: 'grpc-echo', title },
    { ...echo, grpcPort: echo.port },
  );
}

/** The best of several batch sizes, with no server: what the model alone allows. */
async function againstEngines(arena: OnlineArena, one: ArenaCase, ours: RunningServer): Promise<void> {
  const { servery, effort } = arena;
  for (const engine of measureEngines(modelOf(one.model), availableParallelism(), effort.seconds)) {
    try {
      const measureOurs = () => measure(one, servery, ours, effort.seconds / 2);
      const measured = await takeTurns(effort.repetitions, engine.measure, measureOurs);
      const held = { against: engine.title, errors: ({ errors }: Figures) => errors };
      arena.print([lineOf(`${one.name}: rows/s`, measured, ({ requestsPerSecond }) => requestsPerSecond, held)]);
    } catch (error) {
      arena.failed(engine.title, error);
    }
  }
}
