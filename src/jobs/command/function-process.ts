/**
 * The process of a training function: `node function-process.ts MODULE EXPORT`.
 *
 * The function gets what a command finds in its environment, as values. What it returns is the result of the step.
 */
import { writeFile } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';
import { installWorkspaceModules } from '../../runtime/workspace-modules.ts';

/** What a training function is given. */
export interface TrainingContext {
  /** An empty folder: leave `model.onnx` (or a handler) and `metrics.json` there. */
  readonly artifactFolder: string;
  /** ISO 8601 in UTC; undefined for a run without an interval. */
  readonly interval: { readonly start: string; readonly end: string } | undefined;
  readonly timezone: string;
  readonly params: Readonly<Record<string, unknown>>;
  /** What the steps that it needs have left, by step. */
  readonly results: Readonly<Record<string, unknown>>;
  readonly runId: string;
  readonly attempt: number;
}

const [, , module = '', exported = ''] = process.argv;
const env = (name: string) => process.env[`SERVERY_${name}`] ?? '';

installWorkspaceModules();
const { [exported]: train } = (await import(pathToFileURL(module).href)) as Record<string, unknown>;
if (typeof train !== 'function') throw new Error(`Cannot train: the module has no function ${exported}`);
const context: TrainingContext = {
  artifactFolder: env('ARTIFACT_DIR'),
  interval: env('INTERVAL_START') === '' ? undefined : { start: env('INTERVAL_START'), end: env('INTERVAL_END') },
  timezone: env('TIMEZONE'),
  params: JSON.parse(env('PARAMS')) as Record<string, unknown>,
  results: JSON.parse(env('RESULTS')) as Record<string, unknown>,
  runId: env('RUN_ID'),
  attempt: Number(env('ATTEMPT')),
};
const result: unknown = await (train as (context: TrainingContext) => unknown)(context);
if (result !== undefined) await writeFile(env('RESULT_FILE'), JSON.stringify(result));
