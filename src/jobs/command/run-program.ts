/**
 * Runs one program to its end, or until it must stop: in a process group of its own, its output in a log.
 *
 * When this returns, nothing of the group lives any more.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { stat } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { ServeryError, quote } from '../../core/errors.ts';
import { failpoint } from '../../core/failpoint.ts';
import type { LogFile } from './log-file.ts';
import { endGroup, groupLives } from './process-group.ts';
import type { StopReason } from '../step.ts';

/** Whoever else holds the pipes of a group that is gone will not say more about the step. */
const DRAIN_MS = 1000;

export interface ProgramOrder {
  /** A list of arguments, or a text for the shell. */
  readonly start: readonly string[] | string;
  /** Absolute. */
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly stopGraceMs: number;
  readonly log: LogFile;
  /** Aborts with a `StopReason`. */
  readonly signal: AbortSignal;
  /** Awaited before anything else happens; the program runs already. */
  onStarted(pid: number): Promise<void>;
}

export interface ProgramExit {
  /** Undefined when a signal ended it. */
  readonly code: number | undefined;
  readonly signal: NodeJS.Signals | undefined;
  /** Why it was stopped, if it was. */
  readonly stopped: StopReason | undefined;
}

/** @throws {ServeryError} `COMMAND_FAILED` when it cannot be started, or does not end */
export async function runProgram(order: ProgramOrder): Promise<ProgramExit> {
  const { cwd, log, signal, stopGraceMs } = order;
  if (signal.aborted) return { code: undefined, signal: undefined, stopped: signal.reason as StopReason };
  if (!(await stat(cwd).catch(() => undefined))?.isDirectory()) {
    throw new ServeryError('COMMAND_FAILED', 'Cannot start the program: its `cwd` is not a folder');
  }
  failpoint('command.start.before');
  const child = start(order);
  failpoint('command.start.after');
  const exited = new Promise<ProgramExit>((resolve, reject) => {
    child.once('error', (error: NodeJS.ErrnoException) => reject(cannotStart(order.start, error)));
    child.once('exit', (code, by) => resolve({ code: code ?? undefined, signal: by ?? undefined, stopped: undefined }));
  });
  const { pid } = child;
  if (pid === undefined) return exited; // which rejects

  const output = Promise.all([log.follow(child.stdout!), log.follow(child.stderr!)]);
  output.catch(() => undefined); // awaited below
  await order.onStarted(pid);

  let stopped: StopReason | undefined;
  let stopping = Promise.resolve(true);
  const stop = () => {
    stopped = signal.reason as StopReason;
    const grace = stopped.force ? 0 : stopGraceMs;
    void log.line(`stopping the program: ${stopped.message}`);
    stopping = endGroup(pid, grace);
  };
  if (signal.aborted) stop();
  else signal.addEventListener('abort', stop, { once: true });
  try {
    const exit = await exited;
    failpoint('command.end');
    signal.removeEventListener('abort', stop);
    let isGone = await stopping;
    if (isGone && (await groupLives(pid))) {
      await log.line('the program has ended; what it left running is ended too');
      isGone = await endGroup(pid, stopGraceMs);
    }
    await Promise.race([output, sleep(DRAIN_MS)]);
    if (!isGone) throw new ServeryError('COMMAND_FAILED', `Process group ${pid} does not end, not even by SIGKILL`);
    return { ...exit, stopped };
  } finally {
    signal.removeEventListener('abort', stop);
    child.stdout?.destroy();
    child.stderr?.destroy();
  }
}

function start({ start: program, cwd, env }: ProgramOrder): ChildProcess {
  // A group of its own, without a terminal: what is typed at the server's terminal is not for it.
  const options = { cwd, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] as ('ignore' | 'pipe')[] };
  if (typeof program === 'string') return spawn(program, { ...options, shell: true });
  const [file = '', ...args] = program;
  return spawn(file, args, options);
}

function cannotStart(program: readonly string[] | string, error: NodeJS.ErrnoException): ServeryError {
  const name = quote(typeof program === 'string' ? 'the shell' : (program[0] ?? ''));
  const why =
    error.code === 'ENOENT'
      ? 'there is no such program'
      : error.code === 'EACCES'
        ? 'it may not be run'
        : error.message;
  const hint = 'A program is looked up in PATH; one of your own is named with a slash, such as ./main.sh.';
  return new ServeryError('COMMAND_FAILED', `Cannot start ${name}: ${why}`, { cause: error, hint });
}
