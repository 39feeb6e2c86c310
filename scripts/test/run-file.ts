// Runs one test file in a process group of its own: what it starts and forgets can neither outlive it unseen nor
// hold up the run.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TestEvent } from './reporter.ts';

export const root = path.resolve(import.meta.dirname, '../..');
const scratch = path.join(root, '.cache', 'test');

export interface FileResult {
  readonly file: string;
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly seconds: number;
  readonly output: string;
  readonly problems: readonly string[];
}

interface FileOptions {
  readonly timeoutSeconds: number;
  readonly namePattern: string | undefined;
  readonly env: Readonly<Record<string, string>>;
}

const running = new Set<number>();

export function killRunningTests(): void {
  for (const group of running) killGroup(group);
}

export async function runTestFile(file: string, options: FileOptions): Promise<FileResult> {
  fs.mkdirSync(scratch, { recursive: true });
  const base = path.join(scratch, `${process.pid}-${file.replaceAll(/[^\w.]+/g, '-')}`);
  const logFile = `${base}.log`;
  const eventsFile = `${base}.jsonl`;
  // A file and not a pipe: a forgotten grandchild would keep a pipe open for ever.
  const log = fs.openSync(logFile, 'w');
  const started = performance.now();
  const child = spawn(process.execPath, nodeArguments(file, eventsFile, options), {
    cwd: root,
    detached: true,
    stdio: ['ignore', log, log],
    env: environment(options.env),
  });
  fs.closeSync(log);

  const exited = new Promise<string>((resolve) => {
    child.once('exit', (code, signal) => resolve(signal ?? String(code)));
    child.once('error', (error) => resolve(error.message));
  });
  const group = child.pid;
  if (group !== undefined) running.add(group);
  const timer = setTimeout(() => group !== undefined && killGroup(group), options.timeoutSeconds * 1000);
  const outcome = await exited;
  clearTimeout(timer);
  const seconds = (performance.now() - started) / 1000;
  const forgotten = group === undefined ? [] : await endForgotten(group);
  if (group !== undefined) running.delete(group);

  const events = readEvents(eventsFile);
  const isComplete = events.some((event) => event.outcome === 'complete');
  const count = (wanted: TestEvent['outcome']) => events.filter((event) => event.outcome === wanted).length;
  const [passed, skipped] = [count('passed'), count('skipped')];
  const failures = events.filter((event) => event.outcome === 'failed');
  const problems = failures.map((event) => `${event.name}: ${event.reason ?? 'failed'}`);
  for (const event of events) if (event.outcome === 'skipped') problems.push(`skipped: ${event.name}`);

  if (seconds >= options.timeoutSeconds) problems.push(`ended after ${options.timeoutSeconds} s`);
  else if (outcome !== '0' && failures.length === 0) problems.push(`exit: ${outcome}`);
  else if (!isComplete && events.length > 0) problems.push('the process ended before its tests did');
  else if (passed + failures.length + skipped === 0 && options.namePattern === undefined) {
    problems.push('no test in it');
  }
  for (const command of forgotten) problems.push(`left running: ${command}`);

  const output = fs.readFileSync(logFile, 'utf8');
  fs.rmSync(logFile, { force: true });
  fs.rmSync(eventsFile, { force: true });
  return { file, passed, failed: problems.length - skipped, skipped, seconds, output, problems };
}

function nodeArguments(file: string, eventsFile: string, options: FileOptions): string[] {
  return [
    '--conditions=servery-source',
    `--test-reporter=${path.join(import.meta.dirname, 'reporter.ts')}`,
    `--test-reporter-destination=${eventsFile}`,
    '--test-reporter=spec',
    '--test-reporter-destination=stdout',
    ...(options.namePattern === undefined ? [] : [`--test-name-pattern=${options.namePattern}`]),
    file,
  ];
}

function environment(extra: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  const env = { ...process.env, ...extra };
  env['NODE_COMPILE_CACHE'] ??= path.join(root, 'node_modules', '.cache', 'servery');
  // Set when the runner itself runs inside a test; Node.js would then report to that one.
  delete env['NODE_TEST_CONTEXT'];
  return env;
}

function readEvents(file: string): TestEvent[] {
  if (!fs.existsSync(file)) return [];
  const lines = fs.readFileSync(file, 'utf8').split('\n');
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as TestEvent);
}

/** Ends what the group still runs a moment after its leader is gone; returns the command lines. */
async function endForgotten(group: number): Promise<readonly string[]> {
  let commands = commandsOfGroup(group);
  for (let tries = 0; commands.length > 0 && tries < 10; tries += 1) {
    await sleep(100);
    commands = commandsOfGroup(group);
  }
  if (commands.length > 0) killGroup(group);
  return commands;
}

function commandsOfGroup(group: number): string[] {
  if (process.platform !== 'linux') return [];
  const commands: string[] = [];
  for (const pid of fs.readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const stat = fs.readFileSync(`/proc/${pid}/stat`, 'utf8');
      const [state, , processGroup] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      if (Number(processGroup) !== group || state === 'Z') continue;
      commands.push(fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim());
    } catch {
      // Ended meanwhile.
    }
  }
  return commands;
}

function killGroup(group: number): void {
  try {
    process.kill(-group, 'SIGKILL');
  } catch {
    // Nothing left.
  }
}
