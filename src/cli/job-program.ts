/** The commands of jobs and runs: which there are and what they take. */
import type { Command } from 'commander';
import { command, run, workspaceOf, type Options } from './command.ts';

const THING = 'a job, a run, or backfill/ID';

export function addJobCommands(program: Command): void {
  const job = program.command('job').description('Look at jobs and runs, and start, stop or repeat them.');
  const withWorkspace = (name: string, description: string) =>
    command(job, name, description).option('-w, --workspace <folder>', 'the workspace', '.');
  const look = () => import('./commands/job.ts');
  const change = () => import('./commands/job-change.ts');

  withWorkspace('list', 'Jobs: when they run next, what that covers, and what became of the last run.').action(
    run(async (options) => (await look()).list(workspaceOf(options))),
  );
  withWorkspace('show', 'One job with its latest runs, one run with its steps, or one backfill.')
    .argument('<name>', THING)
    .action(run(async (name, options) => (await look()).show(workspaceOf(options), name as string)));
  withWorkspace('runs', 'Runs, the latest first.')
    .argument('[job]')
    .option('--state <list>', 'only in these states, such as failed,retrying')
    .option('--from <instant>', 'only those added at this instant or later')
    .option('--to <instant>', 'only those added before this instant')
    .option('--limit <n>', 'at most so many', '20')
    .action(
      run(async (name, options) =>
        (await look()).runs(workspaceOf(options), name as string | undefined, options as Options),
      ),
    );
  withWorkspace('next', 'What fires next and what each covers.')
    .argument('<job>')
    .option('--count <n>', 'so many', '10')
    .action(
      run(async (name, options) =>
        (await look()).next(workspaceOf(options), name as string, String((options as Options)['count'])),
      ),
    );
  withWorkspace('run', 'Run a job now.')
    .argument('<job>')
    .option('--interval <start/end>', 'what to cover; default: the latest interval of the schedule')
    .option('--param <name=value...>', 'a parameter; the value is JSON, or else text')
    .option('--request <name>', 'the same name is the same run, however often it is sent')
    .option('--wait', 'wait until it has ended, and show how far it is')
    .option('--local', 'in this process, without a scheduler')
    .action(
      run(async (name, options) => {
        const isLocal = (options as Options)['local'] === true;
        const start = isLocal
          ? (await import('./commands/job-run-local.ts')).startLocally
          : (await import('./commands/job-run.ts')).start;
        return start(workspaceOf(options), name as string, options as Options);
      }),
    );
  withWorkspace('logs', 'What a step of a run has printed.')
    .argument('<run>')
    .option('--step <step>', 'default: the step that started last')
    .option('--attempt <n>', 'default: the latest')
    .option('-f, --follow', 'go on until the attempt has ended')
    .action(
      run(async (id, options) =>
        (await import('./commands/job-logs.ts')).logs(workspaceOf(options), id as string, options as Options),
      ),
    );
  withWorkspace('backfill', 'Run a job for past intervals.')
    .argument('<job>')
    .requiredOption('--from <instant>', 'start of the range')
    .requiredOption('--to <instant>', 'end of the range; not part of it')
    .option('--order <order>', 'oldest or newest first', 'oldest')
    .option('--parallel <n>', 'most runs at once', '1')
    .option('--reprocess <which>', 'intervals that have a run already: none, failed or all', 'none')
    .option('--param <name=value...>', 'a parameter; the value is JSON, or else text')
    .option('--dry-run', 'list the intervals and change nothing')
    .action(
      run(async (name, options) => (await change()).backfill(workspaceOf(options), name as string, options as Options)),
    );
  withWorkspace('backfills', 'Backfills, the latest first.')
    .argument('[job]')
    .action(run(async (name, options) => (await look()).backfills(workspaceOf(options), name as string | undefined)));
  for (const [name, description] of [
    ['pause', 'Let a job or a backfill start no more runs.'],
    ['cancel', 'Cancel a run or a backfill.'],
  ] as const) {
    withWorkspace(name, description)
      .argument('<name>', name === 'pause' ? 'a job, or backfill/ID' : 'a run, or backfill/ID')
      .option('--note <text>', 'why, for whoever looks at it later', '')
      .action(
        run(async (target, options) =>
          (await change())[name](workspaceOf(options), target as string, String((options as Options)['note'])),
        ),
      );
  }
  withWorkspace('resume', 'Let a paused job or backfill go on.')
    .argument('<name>', 'a job, or backfill/ID')
    .action(run(async (target, options) => (await change()).resume(workspaceOf(options), target as string)));
  withWorkspace('retry', 'Queue a failed or cancelled run again.')
    .argument('<run>')
    .action(run(async (id, options) => (await change()).retry(workspaceOf(options), id as string)));

  const output = program.command('output').description('Look at what runs have written.');
  command(output, 'files', 'The files that make up an output now, by its manifests.')
    .argument('<out>', 'the folder or file that a job or `predict` writes')
    .action(run(async (out) => (await import('./commands/output.ts')).files(out as string)));
}
