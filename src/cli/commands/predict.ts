/** `servery predict MODEL -i IN... -o OUT`: the step of a job, now, without a server or a scheduler. */
import { resolve } from 'node:path';
import { onlyInput, openModels, predictFiles } from '../../app/predict-files.ts';
import { openWorkspace } from '../../app/workspace.ts';
import { ServeryError } from '../../core/errors.ts';
import { describeIssues } from '../../models/option-issues.ts';
import { predictOptions, type PredictOptions, type PredictOptionsInput } from '../../jobs/predict/options.ts';
import type { PredictOutcome } from '../../jobs/predict/run-predict-step.ts';
import { leaveStuck } from '../leave-stuck.ts';
import { printFailure, type Result } from '../output.ts';
import { createProgressBar } from '../progress-bar.ts';
import { SIGNAL_EXIT_CODES, stopOnSignals } from '../stop-signals.ts';
import { copyToStdout, spoolDocument, spoolStdin, temporaryFolder } from '../standard-streams.ts';

export interface PredictFlags {
  readonly input: readonly string[];
  readonly output: string;
  readonly workspace: string;
  readonly passthrough?: string;
  readonly inputFormat?: string;
  readonly format?: string;
  readonly columns?: readonly string[];
  readonly where?: string;
  readonly onBadRow?: string;
  readonly maxBadRows?: string;
  readonly maxBadRowRate?: string;
  readonly labels?: boolean;
  readonly metadata?: readonly string[];
  readonly chunkRows?: string;
  readonly batchTimeout?: string;
  readonly resume?: boolean;
  readonly json?: boolean;
}

/** Standard input or output. */
const STREAM = '-';

export async function predict(model: string, flags: PredictFlags): Promise<Result | undefined> {
  const toStdout = flags.output === STREAM;
  const fromStdin = flags.input.includes(STREAM);
  if (toStdout && flags.json === true) {
    throw usage('Cannot print both the rows and the document of --json on standard output');
  }
  const [only = ''] = flags.input;
  const isDocument = /\.json$/i.test(only) && flags.input.length === 1 && flags.inputFormat === undefined;
  if (flags.resume === true && (toStdout || fromStdin || isDocument)) {
    throw usage('Cannot resume what comes from or goes to a stream, or is one document');
  }
  if (fromStdin && flags.input.length > 1) throw usage('Cannot read standard input beside other files');

  await using scratch = toStdout || fromStdin || isDocument ? await temporaryFolder() : undefined;
  const format = flags.format ?? 'csv';
  const outputPath = toStdout ? `${scratch!.path}/output.${format}` : resolve(flags.output);
  const workspace = await openWorkspace(resolve(flags.workspace), process.env, {});
  await using models = openModels(workspace);
  const inputPaths = fromStdin
    ? [await spoolStdin(scratch!.path, flags.inputFormat ?? 'csv')]
    : isDocument
      ? [await spoolDocument(scratch!.path, resolve(only), await onlyInput(models, model))]
      : flags.input.map((path) => resolve(path));
  const options = optionsOf(model, flags, inputPaths, outputPath);

  using stop = stopOnSignals();
  const bar = createProgressBar(flags.json !== true);
  try {
    const { runId, outcome } = await predictFiles(workspace, options, {
      models,
      resume: flags.resume === true,
      signal: stop.signal,
      onStuck: leaveStuck,
      progress: (progress) => bar.update(progress),
    });
    bar.stop();
    if (toStdout) {
      await copyToStdout(outcome.outputs);
      process.stderr.write(`${describe(outcome, [])}\n`);
      return undefined;
    }
    const { state, rows, outputs, badRows, model: version } = outcome;
    const run = { id: runId, state, rows, model: version, outputs, badRows };
    return { value: { run }, text: describe(outcome, outputs) };
  } catch (error) {
    bar.stop();
    if (stop.received === undefined) throw error;
    printFailure(flags.json === true, error);
    process.exitCode = SIGNAL_EXIT_CODES[stop.received];
    return undefined;
  }
}

function optionsOf(
  model: string,
  flags: PredictFlags,
  inputPaths: readonly string[],
  outputPath: string,
): PredictOptions {
  const { passthrough, onBadRow, labels, batchTimeout, where, inputFormat, format } = flags;
  const given = {
    model,
    input: {
      path: [...inputPaths],
      format: inputFormat,
      where,
      columns: pairs('--columns', flags.columns),
      chunkRows: numberOf('--chunk-rows', flags.chunkRows),
    },
    output: { path: outputPath, format },
    passthrough: passthrough === 'all' ? 'all' : passthrough?.split(',').map((name) => name.trim()),
    labels,
    onBadRow,
    maxBadRows: numberOf('--max-bad-rows', flags.maxBadRows),
    maxBadRowRate: numberOf('--max-bad-row-rate', flags.maxBadRowRate),
    metadata: pairs('--metadata', flags.metadata),
    batchTimeout,
  };
  const parsed = predictOptions.safeParse(withoutUndefined(given) as PredictOptionsInput);
  if (parsed.success) return parsed.data;
  throw usage(`Cannot predict with these options: ${describeIssues(parsed.error, predictOptions).join('; ')}`);
}

function pairs(flag: string, texts: readonly string[] | undefined): Record<string, string> | undefined {
  if (texts === undefined) return undefined;
  return Object.fromEntries(
    texts.map((text) => {
      const at = text.indexOf('=');
      if (at > 0 && at < text.length - 1) return [text.slice(0, at), text.slice(at + 1)];
      throw usage(`Cannot read ${flag}: expected NAME=NAME`);
    }),
  );
}

function numberOf(flag: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const number = Number(text);
  if (text.trim() !== '' && Number.isFinite(number)) return number;
  throw usage(`Cannot read ${flag}: expected a number`);
}

function withoutUndefined(value: object): object {
  const known = Object.entries(value).filter(([, item]) => item !== undefined);
  return Object.fromEntries(
    known.map(([key, item]) => [
      key,
      typeof item === 'object' && !Array.isArray(item) ? withoutUndefined(item as object) : item,
    ]),
  );
}

function describe({ state, rows, model, badRows }: PredictOutcome, outputs: readonly string[]): string {
  const bad = rows.bad + rows.nulled;
  const parts = [
    `${rows.in.toLocaleString('en')} rows in, ${rows.out.toLocaleString('en')} out`,
    ...(bad > 0 ? [`${bad.toLocaleString('en')} bad${badRows.length > 0 ? ` (see ${badRows.join(', ')})` : ''}`] : []),
    `by ${model.name}/${model.version}`,
  ];
  if (state === 'skipped') return 'There were no rows; nothing was written';
  return outputs.length === 0 ? parts.join(', ') : `${parts.join(', ')}: ${outputs.join(', ')}`;
}

function usage(message: string): ServeryError {
  return new ServeryError('USAGE', message);
}
