/**
 * The command line: which commands there are and what they take.
 *
 * Each command's module is imported when the command runs, so `servery model list` does not pay for the
 * server and `--help` pays for nothing.
 */
import { Command, CommanderError } from 'commander';
import { ServeryError } from '../core/errors.ts';
import { version } from '../core/package-info.ts';
import { command, run, workspaceOf, type Options } from './command.ts';
import type { ExplainOptions, ImportOptions } from './commands/cron.ts';
import type { ParityFlags } from './commands/parity.ts';
import type { PredictFlags } from './commands/predict.ts';
import type { ProfileFlags } from './commands/profile.ts';
import { addJobCommands } from './job-program.ts';
import { printFailure } from './output.ts';

/** @returns when the command has ended; the exit code is in `process.exitCode` */
export async function runProgram(argv: readonly string[]): Promise<void> {
  const wantsJson = argv.includes('--json');
  try {
    await createProgram().parseAsync(argv as string[]);
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return; // --help, --version
    const message = error instanceof CommanderError ? error.message.replace(/^error: /, '') : '';
    const failure = error instanceof CommanderError ? new ServeryError('USAGE', message) : error;
    process.exitCode = printFailure(wantsJson, failure);
  }
}

function createProgram(): Command {
  const program = new Command('servery')
    .description('Serve machine learning models, online and in batch, from one workspace.')
    .version(version, '-V, --version')
    .showSuggestionAfterError()
    .exitOverride()
    .configureOutput({ writeErr: () => undefined }); // usage errors are printed once, by `runProgram`

  for (const [name, description] of [
    ['up', 'Serve the models of a workspace and run its jobs.'],
    ['serve', 'Serve the models of a workspace online.'],
  ] as const) {
    command(program, name, description)
      .argument('[workspace]', 'folder with models/ and servery.config.*', '.')
      .option('--http <host:port>', 'address of the HTTP door (default 127.0.0.1:8080; port 0 picks one)')
      .option('--grpc <host:port>', 'address of the gRPC door (default 127.0.0.1:8081; port 0 picks one)')
      .option('--insecure', 'listen on other addresses than loopback without authentication')
      .option('--set <path=value...>', 'any option of docs/configuration.md, such as http.maxBodyBytes=1000000')
      .action(
        run(async (workspace, options) => (await import('./commands/serve.ts'))[name](workspace as string, options)),
      );
  }

  command(program, 'work', 'Run the jobs of a workspace, without serving. A second one joins the first.')
    .argument('[workspace]', 'folder with servery.config.* and jobs/', '.')
    .option('--set <path=value...>', 'any option of docs/configuration.md, such as batch.maxRunning=2')
    .action(run(async (workspace, options) => (await import('./commands/work.ts')).work(workspace as string, options)));

  command(program, 'init', 'Make a workspace to start from.')
    .argument('<folder>', 'folder to make; it must be empty or absent')
    .action(run(async (folder) => (await import('./commands/init.ts')).init(folder as string)));

  command(program, 'check', 'Check configuration, models and jobs, without serving.')
    .argument('[workspace]', 'folder with models/ and servery.config.*', '.')
    .action(run(async (workspace) => (await import('./commands/check.ts')).check(workspace as string)));

  addModelCommands(program);
  addJobCommands(program);

  const output = program.command('output').description('Look at what runs have written.');
  command(output, 'files', 'The files that make up an output now, by its manifests.')
    .argument('<out>', 'the folder or file that a job or `predict` writes')
    .action(run(async (out) => (await import('./commands/output.ts')).files(out as string)));

  addPredictCommand(program);

  command(program, 'parity', 'Compare the answers of the online and the batch way for the rows of a file, bit for bit.')
    .argument('<model>', 'NAME, NAME@ALIAS or NAME/VERSION')
    .argument('<file...>', 'files with rows')
    .option('-w, --workspace <folder>', 'the workspace', '.')
    .option('--rows <n>', 'rows to compare at most', '1000')
    .option('--url <url>', 'a server to ask, such as http://127.0.0.1:8080; by default a front end in this process')
    .option('--key <key>', 'an API key for that server')
    .action(
      run(async (model, files, options) =>
        (await import('./commands/parity.ts')).parity(model as string, files as string[], options as ParityFlags),
      ),
    );

  command(program, 'profile', 'Measure what a model costs, row by row and in batches, and which way suits.')
    .argument('<model>', 'NAME, NAME@ALIAS or NAME/VERSION')
    .option('-w, --workspace <folder>', 'the workspace', '.')
    .option('--price-per-hour <amount>', 'what a machine like this costs', '0.10')
    .option('--seconds <n>', 'time for each measurement', '2')
    .action(
      run(async (model, options) =>
        (await import('./commands/profile.ts')).profile(model as string, options as ProfileFlags),
      ),
    );

  addCronCommands(program);

  command(program, 'openapi', 'Print the OpenAPI document of a workspace that is served.')
    .option('-w, --workspace <folder>', 'the workspace', '.')
    .action(run(async (options) => (await import('./commands/openapi.ts')).openapi(workspaceOf(options))));

  command(program, 'token', 'Make an API key: prints the key once, and the line for the configuration.')
    .argument('<name>', 'who will use it')
    .option('--scopes <list>', 'predict, admin, jobs, or several with commas', 'predict')
    .action(
      run(async (name, options) =>
        (await import('./commands/token.ts')).token(name as string, String((options as Options)['scopes'])),
      ),
    );

  command(program, 'config', 'List every option with its default, variable and meaning.').action(
    run(async () => (await import('./commands/config.ts')).config()),
  );
  return program;
}

function addPredictCommand(program: Command): void {
  command(program, 'predict', 'Predict the rows of files, now, without a server.')
    .argument('<model>', 'NAME, NAME@ALIAS or NAME/VERSION')
    .requiredOption('-i, --input <file...>', 'files or globs to read; - is standard input')
    .requiredOption('-o, --output <file>', 'file or folder to write; - is standard output')
    .option('-w, --workspace <folder>', 'the workspace', '.')
    .option('--passthrough <names>', 'input columns to write before the outputs, with commas between, or all')
    .option('--input-format <format>', 'parquet, csv or ndjson; by default the name of the file says it')
    .option('--format <format>', 'of the output: parquet, csv or ndjson; by default the name of the file says it')
    .option('--columns <model=file...>', 'columns that the files call otherwise than the model')
    .option('--where <condition>', 'an SQL condition; other rows are left out')
    .option('--on-bad-row <what>', 'fail (default), quarantine or null')
    .option('--max-bad-rows <n>', 'more bad rows fail the command')
    .option('--max-bad-row-rate <share>', 'a larger share of bad rows fails the command')
    .option('--labels', 'classes by their names')
    .option('--metadata <kind=column...>', 'columns to add: model, version, runId, predictedAt')
    .option('--chunk-rows <n>', 'rows that are predicted and kept as one')
    .option('--batch-timeout <duration>', 'a batch that takes longer fails the command (default 10m)')
    .option('--resume', 'go on where an earlier command with the same options has stopped')
    .action(
      run(async (model, options) =>
        (await import('./commands/predict.ts')).predict(model as string, options as PredictFlags),
      ),
    );
}

function addModelCommands(program: Command): void {
  const model = program.command('model').description('Look at models and change what is live.');
  const withWorkspace = (name: string, description: string) =>
    command(model, name, description).option('-w, --workspace <folder>', 'the workspace', '.');
  const commands = () => import('./commands/model.ts');

  withWorkspace('list', 'Models, versions, aliases and their states.').action(
    run(async (options) => (await commands()).list(workspaceOf(options))),
  );
  withWorkspace('show', 'What was resolved for a model, and why.')
    .argument('<model>')
    .action(run(async (name, options) => (await commands()).show(workspaceOf(options), name as string)));
  withWorkspace('load', 'Load a model that an unload holds back.')
    .argument('<model>')
    .action(run(async (name, options) => (await commands()).load(workspaceOf(options), name as string)));
  withWorkspace('unload', 'Unload a model and hold that until a load.')
    .argument('<model>')
    .action(run(async (name, options) => (await commands()).unload(workspaceOf(options), name as string)));
  withWorkspace('alias', 'Point an alias at a version.')
    .argument('<model>')
    .argument('<alias>')
    .argument('<version>')
    .action(
      run(async (name, alias, version, options) =>
        (await commands()).alias(workspaceOf(options), name as string, alias as string, version as string),
      ),
    );
  withWorkspace('rollback', 'Move an alias back to its previous version.')
    .argument('<model>')
    .argument('[alias]')
    .action(
      run(async (name, alias, options) =>
        (await commands()).rollback(workspaceOf(options), name as string, alias as string | undefined),
      ),
    );
  withWorkspace('publish', 'Add a file or folder as the next version of a model, all of it or nothing.')
    .argument('<model>')
    .argument('<artifact>', 'model.onnx, handler.ts, or a folder that holds one')
    .option('--alias <alias>', 'point this alias at the new version')
    .action(
      run(async (name, artifact, options) =>
        (await commands()).publish(
          workspaceOf(options),
          name as string,
          artifact as string,
          (options as Options)['alias'] as string | undefined,
        ),
      ),
    );
  withWorkspace('types', 'Print the TypeScript types of a model.')
    .argument('<model>')
    .action(run(async (name, options) => (await commands()).types(workspaceOf(options), name as string)));
}

function addCronCommands(program: Command): void {
  const cron = program.command('cron').description('Understand cron expressions, and take over crontabs.');
  const commands = () => import('./commands/cron.ts');

  command(cron, 'explain', 'What a cron expression means: in words, its next instants, and what each covers.')
    .argument('<expression>', 'quoted, such as "0 20 * * 1-5"')
    .option('--timezone <zone>', 'IANA name of the zone in which it is read', 'UTC')
    .option('--from <instant>', 'instants after this one (default: now)')
    .option('--count <n>', 'how many instants', '10')
    .action(
      run(async (expression, options) =>
        (await commands()).explain(expression as string, options as ExplainOptions, Date.now()),
      ),
    );
  command(cron, 'import', 'Print the jobs that do what a crontab does, and what could not be kept.')
    .argument('<file>', 'a crontab, or - for standard input')
    .option('--system', 'the lines have a column of users, as in /etc/crontab (default: by looking)')
    .option('--no-system', 'the lines have no column of users')
    .option(
      '--timezone <zone>',
      'zone of the machine that cron ran on',
      Intl.DateTimeFormat().resolvedOptions().timeZone,
    )
    .action(run(async (file, options) => (await commands()).importFile(file as string, options as ImportOptions)));
}
