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
import { addCronCommands } from './cron-program.ts';
import { addFileCommands } from './file-program.ts';
import { addImportCommands } from './import-program.ts';
import { addJobCommands } from './job-program.ts';
import { printFailure } from './output.ts';
import { keepYoungGenerationsSmall } from './small-start.ts';

/** @returns when the command has ended; the exit code is in `process.exitCode` */
export async function runProgram(argv: readonly string[]): Promise<void> {
  const wantsJson = argv.includes('--json');
  try {
    await createProgram().parseAsync(argv as string[]);
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return; // --help, --version
    // Commander would print its help, as an error, where a command is missing.
    const message = error instanceof CommanderError ? usageProblem(error) : '';
    const failure = error instanceof CommanderError ? new ServeryError('USAGE', message) : error;
    process.exitCode = printFailure(wantsJson, failure);
  }
}

function usageProblem({ code, message }: CommanderError): string {
  // Every command takes `--json`; what does not know it is a group of commands.
  const isGroup = code === 'commander.help' || message.includes("unknown option '--json'");
  return isGroup ? 'expected a command' : message.replace(/^error: /, '');
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
      .argument('[workspace]', 'folder with models/, jobs/ or servery.config.*', '.')
      .option('--http <host:port>', 'address of the HTTP door (default 127.0.0.1:8080; port 0 picks one)')
      .option('--grpc <host:port>', 'address of the gRPC door (default 127.0.0.1:8081; port 0 picks one)')
      .option('--insecure', 'listen on other addresses than loopback without authentication')
      .option('--set <path=value...>', 'any option of docs/configuration.md, such as http.maxBodyBytes=1000000')
      .action(
        run(async (workspace, options) => {
          keepYoungGenerationsSmall();
          (await import('../app/front-end-threads.ts')).startThreadsEarly();
          return (await import('./commands/serve.ts'))[name](workspace as string, options);
        }),
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
    .argument('[workspace]', 'folder with models/, jobs/ or servery.config.*', '.')
    .action(run(async (workspace) => (await import('./commands/check.ts')).check(workspace as string)));

  addModelCommands(program);
  addFileCommands(program);
  addImportCommands(program);
  addJobCommands(program);
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
