/** The predict step beside a Python loop and MLflow, over the same rows, from one Parquet file into another. */
import { execFile } from 'node:child_process';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { DuckDBInstance } from '@duckdb/node-api';
import { CASES, rowsFor, type BatchCase } from '../batch/data.ts';
import { bestLoop, makeWorkspace, runOurs, scoresOf, type Measured } from '../batch/predict.ts';
import { install, type Installed } from '../peers/install.ts';
import { mlflowModel } from '../peers/mlflow.ts';
import { pythonOf } from '../peers/peer.ts';
import { lineOf, takeTurns, type Goal } from '../table.ts';
import type { OnlineArena } from './online.ts';

interface Scorer {
  readonly title: string;
  /** By the name of the case. */
  readonly goals: Readonly<Record<string, Goal>>;
  score(one: BatchCase, file: string, output: string): Promise<Measured>;
}

/** Of the sizes tried (256 to 65,536 rows), the best on two cores. */
const LOOP_BATCH_ROWS = 8192;

const NAMES = ['breast-cancer', '30-64-1'];
const TOLERANCE = 1e-4;

export const BATCH_CASES = CASES.filter(({ name }) => NAMES.includes(name)).map((one) => ({
  ...one,
  title: `${one.name}, batch, ${one.rows.toLocaleString('en')} rows`,
}));

type BatchArena = Pick<OnlineArena, 'effort' | 'print' | 'failed'> & {
  readonly cases: typeof BATCH_CASES;
  /** Whether a peer of this name takes part. */
  readonly isWanted: (name: string) => boolean;
};

export async function runBatchArena({ cases, isWanted, effort, print, failed }: BatchArena): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'servery-bench-'));
  try {
    for (const one of cases) {
      const file = await rowsFor(one);
      // Against the loop with one thread, as that has; against the others with all cores, as those have.
      const single = await makeWorkspace(`${folder}/single`, one);
      const workspace = await makeWorkspace(`${folder}/all`, one, availableParallelism());
      const ours = () => runOurs([file], workspace);
      const rate = ({ rows, seconds }: Measured) => rows / seconds;
      const peak = ({ peakMb }: Measured) => peakMb!;

      const floor = await takeTurns(
        effort.repetitions,
        () => bestLoop(one, file, single),
        () => runOurs([file], single),
      );
      const held = { against: 'a loop in Node.js', goal: { atLeast: 0.9 } };
      print([lineOf(`${one.title}: rows/s`, floor, rate, held)]);
      const expected = join(workspace, 'expected.parquet');
      await cp(scoresOf(single), expected);

      for (const scorer of SCORERS.filter(({ name }) => isWanted(name))) {
        try {
          const output = join(workspace, 'theirs.parquet');
          const score = await scorer.open();
          await score.score(one, file, output);
          await checkScores(one, output, expected);
          const measured = await takeTurns(effort.repetitions, () => score.score(one, file, output), ours);
          const against = score.title;
          print([
            lineOf(`${one.title}: rows/s`, measured, rate, { against, goal: score.goals[one.name] }),
            lineOf(`${one.title}: peak MB`, measured, peak, { against }),
          ]);
        } catch (error) {
          failed(`${scorer.name}, batch`, error);
        }
      }
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const SCORERS: readonly { readonly name: string; open(): Promise<Scorer> }[] = [
  {
    name: 'loop',
    open: async () => {
      const installed = present(await install('loop'));
      return {
        title: 'a loop in Python',
        goals: { 'breast-cancer': { atLeast: 1.5 }, '30-64-1': { atLeast: 1 } },
        score: (one, file, output) => {
          const env = { PEER_MODEL: modelFile(one), PEER_THREADS: String(availableParallelism()) };
          return python(installed, ['score.py', file, output, String(LOOP_BATCH_ROWS)], env);
        },
      };
    },
  },
  {
    name: 'mlflow',
    open: async () => {
      const installed = present(await install('mlflow'));
      return {
        title: 'MLflow predict',
        goals: { 'breast-cancer': { atLeast: 2 }, '30-64-1': { atLeast: 1 } },
        score: async (one, file, output) => {
          const model = { ...installed, file: modelFile(one), model: one, threads: availableParallelism() };
          return python(installed, ['score.py', await mlflowModel(model), file, output], {});
        },
      };
    },
  },
];

type Present = Extract<Installed, { environment: string }>;

function present(installed: Installed): Present {
  if ('reason' in installed) throw new Error(installed.reason);
  return installed;
}

function modelFile({ model }: BatchCase): string {
  return join(model, '1', 'model.onnx');
}

async function python(
  installed: Present,
  [script = '', ...args]: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<Measured> {
  const command = [join(installed.code, script), ...args];
  const quiet = { MLFLOW_DISABLE_TELEMETRY: 'true', PYTHONPATH: join(installed.code, '..') };
  const { stdout } = await promisify(execFile)(pythonOf(installed), command, {
    env: { ...process.env, ...quiet, ...env },
  });
  return JSON.parse(stdout.trim().split('\n').at(-1)!) as Measured;
}

/** All rows are there, and their last output has the values that Servery has written. */
async function checkScores({ outputs, rows }: BatchCase, theirs: string, ours: string): Promise<void> {
  const { name, width } = outputs.at(-1)!;
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  // One value may be written as itself or as a list of one.
  const column = async (table: string, file: string) => {
    const types = await connection.runAndReadAll(`SELECT typeof(${name}) FROM read_parquet('${file}') LIMIT 1`);
    return String(types.getRows()[0]?.[0]).endsWith(']') ? `${table}.${name}[${width}]` : `${table}.${name}`;
  };
  const reader = await connection.runAndReadAll(`
    SELECT count(*)::INTEGER, max(abs(${await column('t', theirs)} - ${await column('o', ours)}))::DOUBLE
    FROM read_parquet('${theirs}') t JOIN read_parquet('${ours}') o USING (id)`);
  connection.closeSync();
  instance.closeSync();
  const [[count, difference] = []] = reader.getRows();
  if (count !== rows) throw new Error(`writes ${String(count)} rows and not ${rows}`);
  if (typeof difference !== 'number' || difference > TOLERANCE) throw new Error(`is off by ${String(difference)}`);
}
