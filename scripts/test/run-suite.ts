// Runs one suite and counts.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import type { SuiteResult } from './results.ts';
import { root, runTestFile, type FileResult } from './run-file.ts';
import type { CommandSuite, FileSuite, Suite } from './suites.ts';
import { provide } from './tools.ts';

/** A million cases for each decoder take a hundred times as long as ten thousand. */
const PATIENCE = process.env['SERVERY_LONG'] === '1' ? 20 : 1;

export interface RunOptions {
  readonly only: string | undefined;
  readonly verbose: boolean;
}

export async function runSuite(suite: Suite, options: RunOptions): Promise<SuiteResult> {
  console.log(`\n== ${suite.name}`);
  const started = performance.now();
  const counts = 'commands' in suite ? runCommands(suite) : await runFiles(suite, options);
  return { name: suite.name, ...counts, seconds: (performance.now() - started) / 1000 };
}

type Counts = Omit<SuiteResult, 'name' | 'seconds'>;

function runCommands(suite: CommandSuite): Counts {
  let failed = 0;
  for (const [command = '', ...args] of suite.commands) {
    const program = command === 'node' ? process.execPath : command;
    const done = spawnSync(program, args, { cwd: root, stdio: 'inherit', timeout: 300_000 });
    if (done.status === 0) continue;
    failed += 1;
    console.log(`${[command, ...args].join(' ')}: ${done.error?.message ?? `exit code ${done.status}`}`);
  }
  return { passed: suite.commands.length - failed, failed, skipped: 0, notes: [] };
}

async function runFiles(suite: FileSuite, options: RunOptions): Promise<Counts> {
  const all = fs.globSync(`test/${suite.name}/**/*.test.ts`, { cwd: root }).sort();
  if (all.length === 0) {
    return skippedSuite(suite.optional === true ? 0 : 1, `no files test/${suite.name}/**/*.test.ts`);
  }
  const { files, namePattern } = choose(all, options.only);

  const provided = await provide(suite);
  if ('missing' in provided) return skippedSuite(1, provided.missing);

  const queue = [...files];
  const results: FileResult[] = [];
  const worker = async () => {
    for (let file = queue.shift(); file !== undefined; file = queue.shift()) {
      const result = await runTestFile(file, {
        timeoutSeconds: suite.timeoutSeconds * PATIENCE,
        namePattern,
        env: { ...provided.env, SERVERY_TEST_SUITE: suite.name },
      });
      print(result, options.verbose);
      results.push(result);
    }
  };
  await Promise.all(Array.from({ length: suite.concurrency }, worker));

  const sum = (pick: (result: FileResult) => number) => results.reduce((total, result) => total + pick(result), 0);
  const notes = results.flatMap((result) => result.problems.map((problem) => `${result.file}: ${problem}`));
  const passed = sum((result) => result.passed);
  const failed = sum((result) => result.failed);
  if (passed + failed > 0) return { passed, failed, skipped: sum((result) => result.skipped), notes };
  return { passed, failed: 1, skipped: 0, notes: [...notes, 'no test was executed'] };
}

/** `--only` means files when some path contains it, otherwise names of tests. */
function choose(all: readonly string[], only: string | undefined) {
  if (only === undefined) return { files: all, namePattern: undefined };
  const named = all.filter((file) => path.normalize(file).includes(only));
  return named.length > 0 ? { files: named, namePattern: undefined } : { files: all, namePattern: only };
}

function skippedSuite(skipped: number, why: string): Counts {
  console.log(`skipped: ${why}`);
  return { passed: 0, failed: 0, skipped, notes: skipped > 0 ? [`skipped: ${why}`] : [] };
}

function print(result: FileResult, verbose: boolean): void {
  const counts = `${result.passed} passed, ${result.failed} failed, ${result.skipped} skipped`;
  console.log(`${result.failed > 0 ? 'FAIL' : 'ok  '} ${result.file} (${counts}, ${result.seconds.toFixed(1)} s)`);
  if (result.failed > 0 || verbose) console.log(result.output.trimEnd().replaceAll(/^/gm, '    '));
}
