/** What the commands take that run a model over files, and those that compare or measure its two ways. */
import type { Command } from 'commander';
import { command, run } from './command.ts';
import type { ParityFlags } from './commands/parity.ts';
import type { PredictFlags } from './commands/predict.ts';
import type { ProfileFlags } from './commands/profile.ts';

export function addFileCommands(program: Command): void {
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
