/** What the commands take that write a workspace of what another system was configured with. */
import type { Command } from 'commander';
import { command, run } from './command.ts';
import type { ImportFlags } from './commands/import-tensorflow-serving.ts';

export function addImportCommands(program: Command): void {
  const imports = program
    .command('import')
    .description('Write a workspace of what another system was configured with.');
  command(imports, 'tensorflow-serving', 'From the configuration files of TensorFlow Serving.')
    .argument('<model_config_file>', 'what --model_config_file names')
    .requiredOption('-o, --output <folder>', 'folder to write; it must be empty or absent')
    .option('--batching-parameters <file>', 'what --batching_parameters_file names')
    .option('--monitoring-config <file>', 'what --monitoring_config_file names')
    .action(
      run(async (source, flags) =>
        (await import('./commands/import-tensorflow-serving.ts')).importTensorflowServing(
          source as string,
          flags as ImportFlags,
        ),
      ),
    );
}
