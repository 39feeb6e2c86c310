/**
 * A train step: a program leaves an artifact, it is looked at, and if it is worth it, it becomes a version.
 *
 * Publishing happens once, whatever crashes when: the number is decided and remembered before, the note in the
 * version tells whose it is, and a rename never replaces a version.
 */
import { cp, mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ServeryError } from '../../core/errors.ts';
import { failpoint } from '../../core/failpoint.ts';
import type { Json } from '../../core/json.ts';
import { parseVersion, type ModelVersion } from '../../core/model.ts';
import { readAliases, withAlias, writeAliases, type Aliases } from '../../repository/aliases-file.ts';
import { publishVersion } from '../../repository/publish.ts';
import { OPTIONS_FILE } from '../../repository/scan.ts';
import { runInAttemptFolder, type CommandDeps, type ProgramDone } from '../command/run-command.ts';
import type { ChunkLedger } from '../predict/ledger.ts';
import { refusedFolder } from '../run-files.ts';
import type { Program, StepContext, StepOutcome } from '../step.ts';
import type { CandidateOrder, CandidateReport } from './candidate.ts';
import { judge, type Metrics } from './gate.ts';
import { gateOptions, type GateOptions, type TrainOptions } from './options.ts';
import { isOf, readMetrics, writeProvenance } from './provenance.ts';

export interface TrainDeps extends CommandDeps {
  readonly modelsFolder: string;
  /** Loads and tries an artifact, where models are loaded. */
  inspect(order: CandidateOrder): Promise<CandidateReport>;
}

/** @throws {ServeryError} `GATE_REFUSED`, `MODEL_INVALID`, those of a command, `LEASE_LOST` */
export async function runTrainStep(
  program: Program,
  options: TrainOptions,
  context: StepContext,
  ledger: ChunkLedger,
  deps: TrainDeps,
): Promise<StepOutcome> {
  const earlier = await findPublished(options, context, ledger, deps);
  if (earlier !== undefined) return goLive(earlier, options, deps, { publishedBefore: true });
  return runInAttemptFolder(program, context, deps, async (done) => {
    if (done.state === 'skipped') return { state: 'skipped', details: done.details };
    const { facts, metrics, problem } = await examine(options, context, deps, done);
    if (problem !== undefined) throw await refuse(problem, options, context, deps, done);
    await writeProvenance(done.artifactFolder, context);
    const version = await publish(done.artifactFolder, options, context, ledger, deps);
    const outcome = await goLive(version, options, deps, { ...done.details, ...facts });
    await done.say(`published ${version.name}/${version.version}`);
    const result = done.result ?? {
      version: version.version,
      ...(metrics !== undefined && { metrics: metrics as Json }),
    };
    return { ...outcome, result };
  });
}

interface Examination {
  readonly facts: Readonly<Record<string, Json>>;
  readonly metrics: Metrics | undefined;
  /** Why it is refused. */
  readonly problem: ServeryError | undefined;
}

async function examine(
  { publish: { model, alias }, gate = gateOptions.parse({}) }: TrainOptions,
  context: StepContext,
  { modelsFolder, inspect }: TrainDeps,
  done: ProgramDone,
): Promise<Examination> {
  const metrics = await readMetrics(done.artifactFolder);
  const before = await presentVersion(modelsFolder, model, alias);
  const scratch = join(done.artifactFolder, '..');
  const candidateFolder = await standAlone(done.artifactFolder, join(scratch, 'candidate'), modelsFolder, model);
  const { workspace, timezone } = context;
  const order = { model, candidateFolder, before, heldOut: gate.heldOut, workspace, timezone, scratchFolder: scratch };
  let report: CandidateReport;
  try {
    report = await inspect(order);
  } catch (error) {
    if (!(error instanceof ServeryError) || !isFaultOfArtifact(error)) throw error;
    return { facts: {}, metrics, problem: error };
  }
  const verdict = await judgeReport(gate, report, metrics, before && join(modelsFolder, model, String(before.version)));
  for (const line of [...report.notes, ...verdict.notes]) await done.say(line);
  const facts = { gate: [...report.notes, ...verdict.notes], before: before?.version ?? null };
  if (verdict.refusals.length === 0) return { facts, metrics, problem: undefined };
  const message = `The gate refuses the artifact: ${verdict.refusals.join('; ')}`;
  return { facts, metrics, problem: new ServeryError('GATE_REFUSED', message) };
}

async function judgeReport(
  gate: GateOptions,
  { signature, before, heldOut }: CandidateReport,
  metrics: Metrics | undefined,
  folderBefore: string | undefined,
): Promise<ReturnType<typeof judge>> {
  const metricsBefore = folderBefore === undefined ? undefined : await readMetrics(folderBefore);
  return judge(gate, { signature, metrics, before: before && { ...before, metrics: metricsBefore }, heldOut });
}

/** Trouble with the artifact itself, and not with the machine: it is kept, for whoever wants to know why. */
function isFaultOfArtifact({ code }: ServeryError): boolean {
  return code === 'MODEL_INVALID' || code === 'MODEL_FAILED' || code === 'HANDLER_FAILED' || code === 'INVALID_INPUT';
}

/** A models folder with nothing in it but the artifact, and what is said about the model. */
async function standAlone(artifact: string, folder: string, modelsFolder: string, model: string): Promise<string> {
  await mkdir(join(folder, model), { recursive: true });
  await cp(artifact, join(folder, model, '1'), { recursive: true, dereference: true });
  const options = join(modelsFolder, model, OPTIONS_FILE);
  await cp(options, join(folder, model, OPTIONS_FILE)).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
  return folder;
}

/** Keeps what was refused, with its reason. */
async function refuse(
  problem: ServeryError,
  { publish: { model } }: TrainOptions,
  { job, runId, step, attempt }: StepContext,
  { stateFolder }: TrainDeps,
  { artifactFolder, say }: ProgramDone,
): Promise<ServeryError> {
  const { code, message } = problem;
  const name = `${model}-${runId}-${step}-${attempt}`;
  const target = join(refusedFolder(stateFolder), name);
  await mkdir(join(target, '..'), { recursive: true });
  await writeFile(
    join(artifactFolder, 'refused.json'),
    `${JSON.stringify({ model, job, run: runId, step, attempt, code, reason: message }, null, 2)}\n`,
  );
  await rm(target, { recursive: true, force: true });
  await rename(artifactFolder, target);
  await say(`${message}; kept in .servery/refused/${name}`);
  return problem;
}

/** The version of an earlier attempt of this run, if one came so far. */
async function findPublished(
  { publish: { model } }: TrainOptions,
  context: StepContext,
  ledger: ChunkLedger,
  { modelsFolder }: TrainDeps,
): Promise<ModelVersion | undefined> {
  const plan = (await ledger.readPlan()) as { readonly version: number } | undefined;
  if (plan === undefined) return undefined;
  const isOurs = await isOf(join(modelsFolder, model, String(plan.version)), context);
  return isOurs ? { name: model, version: plan.version } : undefined;
}

async function publish(
  artifact: string,
  { publish: { model } }: TrainOptions,
  context: StepContext,
  ledger: ChunkLedger,
  { modelsFolder }: TrainDeps,
): Promise<ModelVersion> {
  const plan = (await ledger.readPlan()) as { readonly version: number } | undefined;
  let version = plan?.version ?? (await nextVersion(modelsFolder, model));
  for (;;) {
    // Remembered first: an attempt that takes over must try the same number, or there would be two versions.
    await ledger.savePlan({ version });
    failpoint('train.publish.before');
    try {
      const published = await publishVersion(modelsFolder, model, artifact, { version });
      failpoint('train.publish.after');
      return published;
    } catch (error) {
      if (!(error instanceof ServeryError) || error.code !== 'CONFLICT') throw error;
      if (await isOf(join(modelsFolder, model, String(version)), context)) return { name: model, version };
      version = await nextVersion(modelsFolder, model);
    }
  }
}

/** Above all that are there, and all that an alias names though they are not. */
async function nextVersion(modelsFolder: string, model: string): Promise<number> {
  const folder = join(modelsFolder, model);
  const taken = (await readdir(folder).catch(() => [])).map((name) => parseVersion(name) ?? 0);
  const named = Object.values(await readAliases(folder, model)).flatMap(({ version, previous = 0 }) => [
    version,
    previous,
  ]);
  return Math.max(0, ...taken, ...named) + 1;
}

/** Moves the alias; a server that watches the folder follows. */
async function goLive(
  version: ModelVersion,
  { publish: { alias } }: TrainOptions,
  { modelsFolder }: TrainDeps,
  details: Readonly<Record<string, Json>>,
): Promise<StepOutcome> {
  const folder = join(modelsFolder, version.name);
  if (alias !== undefined) {
    const aliases = await readAliases(folder, version.name);
    const moved = withAlias(aliases, alias, version.version);
    if (moved !== aliases) await writeAliases(folder, moved);
    failpoint('train.alias.after');
  }
  return { state: 'succeeded', model: version, details: { ...details, alias: alias ?? null } };
}

/** What the alias means now; without one what the model's name means. */
async function presentVersion(
  modelsFolder: string,
  model: string,
  alias: string | undefined,
): Promise<ModelVersion | undefined> {
  const folder = join(modelsFolder, model);
  const aliases: Aliases = await readAliases(folder, model);
  const target = aliases[alias ?? 'default']?.version;
  if (target !== undefined) return { name: model, version: target };
  const versions = (await readdir(folder).catch(() => [])).map((name) => parseVersion(name) ?? 0);
  const highest = Math.max(0, ...versions);
  return highest === 0 ? undefined : { name: model, version: highest };
}
