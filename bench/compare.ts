/**
 * `npm run bench -- compare REF_A REF_B`: two commits by turns in one run, so that the machine's drift hits both.
 *
 * Each is checked out into a folder of its own, with the packages that are installed here. The benches and the load
 * are those of this working tree; a commit that they cannot drive is said to be so.
 */
import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CASES } from './arena/cases.ts';
import { serveryContender, type Contender } from './arena/contender.ts';
import { linesOf } from './arena/lines.ts';
import { checkGrpc, measure, warmUp } from './arena/measure.ts';
import type { ArenaEffort } from './arena/online.ts';
import { referencesFor } from './arena/reference.ts';
import { CASES as BATCH_CASES, rowsFor, type BatchCase } from './batch/data.ts';
import { makeWorkspace, runOurs, type Measured } from './batch/predict.ts';
import { modelOf } from './online/cases.ts';
import { requireModels } from './online/workspace.ts';
import { save } from './results.ts';
import { HEADING, lineOf, takeTurns, textOf, type Line } from './table.ts';

const ROOT = new URL('..', import.meta.url).pathname;
const BATCH_NAMES = ['breast-cancer', '30-64-1'];

export interface CompareOptions extends ArenaEffort {
  readonly refs: readonly [string, string];
  /** Only cases whose name contains this. */
  readonly only: string | undefined;
}

export async function runCompare({ refs, only = '', ...effort }: CompareOptions): Promise<void> {
  const cases = CASES.filter(({ name }) => name.includes(only));
  const batchCases = BATCH_CASES.filter(({ name }) => BATCH_NAMES.includes(name) && `${name}, batch`.includes(only));
  const models = [...new Set(cases.map(({ model }) => model))];
  await requireModels([...models, ...(batchCases.length > 0 ? ['tiny'] : [])]);
  const references = await referencesFor(models.map(modelOf));
  const folder = await mkdtemp(join(tmpdir(), 'servery-compare-'));
  const lines: Line[] = [];
  const print = (measured: readonly Line[]) => {
    lines.push(...measured);
    for (const line of measured) console.log(textOf(line));
  };
  try {
    const trees = [await checkOut(refs[0], join(folder, 'a')), await checkOut(refs[1], join(folder, 'b'))] as const;
    console.log(`${refs[1]} (SERVERY) against ${refs[0]}\n${HEADING}`);
    const [first, second] = trees.map((tree) => serveryContender(references, { main: `${tree}/src/cli/main.ts` }));
    for (const model of models) {
      await using theirs = await first!.start(modelOf(model));
      await using ours = await second!.start(modelOf(model));
      for (const one of cases.filter((candidate) => candidate.model === model)) {
        const contender: Contender = { ...first!, name: 'commit', title: refs[0] };
        for (const server of [theirs, ours]) {
          if (one.protocol === 'grpc') await checkGrpc(server.grpcPort!, references);
          await warmUp(one, contender, server);
        }
        const measured = await takeTurns(
          effort.repetitions,
          () => measure(one, contender, theirs, effort.seconds),
          () => measure(one, contender, ours, effort.seconds),
        );
        print(linesOf({ ...one, against: {} }, contender, measured));
      }
    }
    for (const one of batchCases) print([await compareBatch(one, folder, trees, refs[0], effort.repetitions)]);
  } finally {
    for (const name of ['a', 'b']) git('worktree', 'remove', '--force', join(folder, name));
    await rm(folder, { recursive: true, force: true });
  }
  await save('compare', lines, { keep: false });
}

async function checkOut(ref: string, folder: string): Promise<string> {
  git('worktree', 'add', '--quiet', '--detach', folder, ref);
  await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  return folder;
}

async function compareBatch(
  one: BatchCase,
  folder: string,
  [first, second]: readonly [string, string],
  against: string,
  repetitions: number,
): Promise<Line> {
  const file = await rowsFor(one);
  const workspace = await makeWorkspace(folder, one);
  const measured = await takeTurns(
    repetitions,
    () => runOurs([file], workspace, first),
    () => runOurs([file], workspace, second),
  );
  const rate = ({ rows, seconds }: Measured) => rows / seconds;
  return lineOf(`${one.name}, batch, ${one.rows.toLocaleString('en')} rows: rows/s`, measured, rate, { against });
}

function git(...args: readonly string[]): void {
  execFileSync('git', args, { cwd: ROOT, stdio: ['ignore', 'ignore', 'inherit'] });
}
