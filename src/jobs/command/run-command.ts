/** A command step: a program runs, and what it leaves in its result file is the result of the step. */
import { mkdir, readFile, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { ServeryError } from '../../core/errors.ts';
import type { Json } from '../../core/json.ts';
import { openAttemptFolder } from './attempt-folder.ts';
import { commandEnvironment, inheritedEnvironment } from './command-environment.ts';
import { functionCommand } from './function-command.ts';
import { openLogFile } from './log-file.ts';
import { maskText } from './mask.ts';
import { logFile } from '../run-files.ts';
import { runProgram, type ProgramExit } from './run-program.ts';
import { resolveSecrets, secretValues, type SecretSource } from './secrets.ts';
import type { Program, StepContext, StepOutcome } from '../step.ts';

export interface CommandDeps {
  readonly stateFolder: string;
  /** The environment of Servery itself. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly secret: SecretSource;
  readonly maxLogBytes: number;
  readonly maxResultBytes: number;
}

/** @throws {ServeryError} `COMMAND_FAILED`, `SECRET_NOT_FOUND`, and the code of a `StopReason` */
export async function runCommandStep(program: Program, context: StepContext, deps: CommandDeps): Promise<StepOutcome> {
  return runInAttemptFolder(program, context, deps, async ({ state, result, details }) => ({
    state,
    ...(result !== undefined && { result }),
    details,
  }));
}

export interface ProgramDone {
  readonly state: 'succeeded' | 'skipped';
  readonly result: Json | undefined;
  readonly details: Readonly<Record<string, Json>>;
  /** What it has left there. Gone when `use` has returned. */
  readonly artifactFolder: string;
  /** A line for the log of the attempt. */
  say(line: string): Promise<void>;
}

/** Runs a program, then `use` while its files are still there. */
export async function runInAttemptFolder<T>(
  program: Program,
  context: StepContext,
  deps: CommandDeps,
  use: (done: ProgramDone) => Promise<T>,
): Promise<T> {
  const { runId, step, attempt, workspace, signal } = context;
  const values = resolveSecrets(program.env, deps.secret);
  const secrets = secretValues(Object.values(program.env), deps.secret);
  const path = logFile(deps.stateFolder, runId, step, attempt);
  await using log = await openLogFile(path, deps.maxLogBytes, secrets);
  await using folder = await openAttemptFolder(deps.stateFolder, context);
  const artifactFolder = join(folder.path, 'artifact');
  const resultFile = join(folder.path, 'result.json');
  await mkdir(artifactFolder);
  const exit = await runProgram({
    start: startOf(program, workspace),
    cwd: resolve(workspace, program.cwd),
    env: {
      ...inheritedEnvironment(deps.env),
      ...commandEnvironment(context, { resultFile, artifactFolder }),
      ...values,
    },
    stopGraceMs: program.stopGraceMs,
    log,
    signal,
    onStarted: (pid) => folder.started(pid),
  });
  const { stopped } = exit;
  if (stopped !== undefined) {
    await log.line(`stopped: ${describe(exit)}`);
    throw new ServeryError(stopped.code, stopped.message);
  }
  const isSkipped = exit.code !== undefined && program.skipExitCodes.includes(exit.code);
  if (exit.code !== 0 && !isSkipped) {
    await log.line(describe(exit));
    throw new ServeryError('COMMAND_FAILED', `The program failed: ${describe(exit)}`);
  }
  const result = await readResult(resultFile, deps.maxResultBytes, secrets);
  const details = { exitCode: exit.code ?? null };
  const state = isSkipped ? 'skipped' : 'succeeded';
  return await use({ state, result, details, artifactFolder, say: (line) => log.line(line) });
}

function startOf({ start }: Program, workspace: string): readonly string[] | string {
  if ('arguments' in start) return start.arguments;
  return 'shell' in start ? start.shell : functionCommand(workspace, start.function);
}

/** @returns undefined when the program left none */
async function readResult(path: string, maxBytes: number, secrets: readonly string[]): Promise<Json | undefined> {
  const stats = await stat(path).catch(() => undefined);
  if (stats === undefined || stats.size === 0) return undefined;
  if (stats.size > maxBytes) {
    throw new ServeryError(
      'COMMAND_FAILED',
      `Cannot use the result: SERVERY_RESULT_FILE has ${stats.size} bytes, expected at most ${maxBytes}`,
      { hint: 'Write large results to a file and its name into the result, or raise `batch.maxResultBytes`.' },
    );
  }
  const text = maskText(await readFile(path, 'utf8'), secrets);
  try {
    return JSON.parse(text) as Json;
  } catch {
    throw new ServeryError('COMMAND_FAILED', 'Cannot use the result: SERVERY_RESULT_FILE is not JSON');
  }
}

function describe({ code, signal }: ProgramExit): string {
  return code === undefined ? `ended by ${signal ?? 'a signal'}` : `exit code ${code}`;
}
