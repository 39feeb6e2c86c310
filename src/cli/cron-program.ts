/** What the commands of `servery cron` take. */
import type { Command } from 'commander';
import { command, run } from './command.ts';
import type { ExplainOptions, ImportOptions } from './commands/cron.ts';

export function addCronCommands(program: Command): void {
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
