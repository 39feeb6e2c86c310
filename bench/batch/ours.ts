/**
 * The predict step as a job runs it, in a process of its own, with the model loaded before the clock starts, as the
 * bare loop has it too.
 *
 * Argument: an `OurTask` as JSON. Prints one JSON line: { rows, seconds, peakMb }.
 */
import { createBatchModels } from '../../src/jobs/predict/batch-models.ts';
import { createFileLedger } from '../../src/jobs/predict/file-ledger.ts';
import { predictOptions } from '../../src/jobs/predict/options.ts';
import { runPredictStep } from '../../src/jobs/predict/run-predict-step.ts';

export interface OurTask {
  readonly workspace: string;
  readonly model: string;
  readonly files: readonly string[];
  readonly output: string;
}

// The bare loop has its library loaded before its clock starts.
await import('@duckdb/node-api');

const task = JSON.parse(process.argv[2]!) as OurTask;
const { workspace } = task;
const models = createBatchModels({
  modelsFolder: `${workspace}/models`,
  stateFolder: `${workspace}/.servery`,
  models: {},
});
await using _model = await models.load(await models.pin({ name: task.model }));

const began = performance.now();
const outcome = await runPredictStep(
  predictOptions.parse({
    model: task.model,
    input: { path: task.files },
    output: { path: task.output },
    passthrough: ['id'],
  }),
  {
    runId: 'bench',
    step: 'predict',
    interval: undefined,
    timezone: 'UTC',
    workspace,
    signal: new AbortController().signal,
    progress: () => undefined,
  },
  createFileLedger(`${workspace}/ledger.ndjson`),
  models,
);
const seconds = (performance.now() - began) / 1000;
const peakMb = Math.round(process.resourceUsage().maxRSS / 1024);
process.stdout.write(`${JSON.stringify({ rows: outcome.rows.out, seconds, peakMb })}\n`);
process.exit();
