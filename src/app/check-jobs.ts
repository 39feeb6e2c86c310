/**
 * Looks at the jobs of a workspace without running them: do their models, data and programs exist, do the first rows
 * go through?
 */
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { ServeryError } from '../core/errors.ts';
import { createJob, type Job } from '../jobs/job.ts';
import { createBatchModels, type BatchModels } from '../jobs/predict/batch-models.ts';
import { checkPredictStep } from '../jobs/predict/check-predict-step.ts';
import type { Program, Step } from '../jobs/step.ts';
import { explainCron } from '../schedule/explain.ts';
import type { Workspace } from './workspace.ts';

export interface JobCheck {
  readonly job: string;
  /** What was found to be good, a line each. */
  readonly notes: readonly string[];
  /** What will go wrong. */
  readonly problems: readonly string[];
  /** What may be meant otherwise, or is not there yet. */
  readonly warnings: readonly string[];
}

export async function checkJobs(workspace: Workspace): Promise<readonly JobCheck[]> {
  const { modelsFolder, stateFolder, config } = workspace;
  const jobs = Object.entries(config.jobs).map(([name, options]) => createJob(name, options));
  if (jobs.length === 0) return [];
  await using models = createBatchModels({ modelsFolder, stateFolder, models: config.models ?? {} });
  const checks: JobCheck[] = [];
  for (const job of jobs) checks.push(await checkJob(job, workspace, models));
  return checks;
}

interface Findings {
  readonly notes: string[];
  readonly problems: string[];
  readonly warnings: string[];
}

async function checkJob(job: Job, workspace: Workspace, models: BatchModels): Promise<JobCheck> {
  const found: Findings = { notes: [], problems: [], warnings: [] };
  const crons = [job.schedule?.cron ?? []].flat();
  found.warnings.push(...crons.flatMap((cron) => explainCron(cron, job.timezone, Date.now(), 0).warnings));
  for (const step of job.steps) {
    if (step.work.kind === 'predict') await checkPredict(step, job, workspace, models, found);
    else if (step.work.kind !== 'request') await checkProgram(step.name, step.work.program, workspace, found);
  }
  return { job: job.name, ...found };
}

async function checkPredict(
  step: Step,
  job: Job,
  { folder, config }: Workspace,
  models: BatchModels,
  found: Findings,
): Promise<void> {
  if (step.work.kind !== 'predict') return;
  const spoolFolder = await mkdtemp(join(tmpdir(), 'servery-check-'));
  try {
    const context = { timezone: job.timezone, workspace: folder, spoolFolder };
    const limits = { memory: config.batch.memory, threads: config.batch.threads };
    const { model, rows, problems } = await checkPredictStep(step.work.options, context, models, limits);
    found.notes.push(`${step.name}: ${rows} rows went through ${model.name}/${model.version}`);
    const isFatal = step.work.options.onBadRow === 'fail';
    (isFatal ? found.problems : found.warnings).push(...problems.map((line) => `${step.name}: ${line}`));
  } catch (error) {
    if (!(error instanceof ServeryError)) throw error;
    const line = `${step.name}: ${error.code}: ${error.message}`;
    // Data that a step before this one writes, or that comes later, need not be there yet.
    (error.code === 'DATA_NOT_FOUND' ? found.warnings : found.problems).push(line);
  } finally {
    await rm(spoolFolder, { recursive: true, force: true });
  }
}

async function checkProgram(
  step: string,
  { start, cwd, env }: Program,
  { folder }: Workspace,
  { problems, warnings }: Findings,
): Promise<void> {
  const at = resolve(folder, cwd);
  if (!(await isFolder(at))) problems.push(`${step}: its cwd ${cwd} is not a folder`);
  if ('arguments' in start && !(await isProgram(start.arguments[0]!, at))) {
    problems.push(`${step}: there is no program ${start.arguments[0]}`);
  }
  if ('function' in start && !(await exists(resolve(folder, start.function.split('#')[0]!)))) {
    problems.push(`${step}: there is no file ${start.function.split('#')[0]}`);
  }
  for (const value of Object.values(env)) {
    if (typeof value === 'string' || process.env[value.secret] !== undefined) continue;
    warnings.push(`${step}: the secret ${value.secret} is not set here`);
  }
}

/** Looked up as the system will: in PATH, or from the folder in which it runs. */
async function isProgram(name: string, cwd: string): Promise<boolean> {
  if (name.includes('/')) return exists(resolve(cwd, name));
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  const found = await Promise.all(folders.map((folder) => exists(join(folder, name))));
  return found.includes(true) || process.platform === 'win32';
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined;
}

async function isFolder(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() === true;
}
