/**
 * The scratch space of one attempt of a step, and the note in it of who works there and what was started.
 *
 * When a worker dies, its programs may live on. Before a run is attempted again, and when a worker starts, whatever
 * such a note names and still lives is ended: two attempts of a step never run at once on a machine.
 */
import { mkdir, readFile, readdir, rename, rm, rmdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ServeryError } from '../../core/errors.ts';
import { identify, isAlive, type ProcessIdentity } from '../../core/process-identity.ts';
import { endGroup, findGroups, isSameGroup } from './process-group.ts';
import { attemptFolder, attemptsFolder } from '../run-files.ts';

const NOTE = 'owner.json';

interface Note {
  readonly worker: ProcessIdentity;
  /** `SERVERY_RUN_ID=…`: what the environment of each process says that belongs to it. */
  readonly mark: string;
  /** The leader of the group; undefined before it was started. */
  readonly program?: ProcessIdentity;
}

export interface AttemptFolder extends AsyncDisposable {
  readonly path: string;
  /** Remembers what was started, so that somebody else can end it. */
  started(pid: number): Promise<void>;
}

export async function openAttemptFolder(
  stateFolder: string,
  run: { readonly runId: string; readonly step: string; readonly attempt: number },
): Promise<AttemptFolder> {
  const path = attemptFolder(stateFolder, run.runId, run.step, run.attempt);
  await rm(path, { recursive: true, force: true });
  await mkdir(path, { recursive: true });
  const note: Note = { worker: await identify(process.pid), mark: markOf(run.runId) };
  await writeNote(path, note);
  return {
    path,
    started: async (pid) => writeNote(path, { ...note, program: await identify(pid) }),
    async [Symbol.asyncDispose]() {
      await rm(path, { recursive: true, force: true });
      await removeIfEmpty(dirname(path));
    },
  };
}

/** Ends what an earlier attempt of a run has left running, whoever its worker was, and removes its scratch space. */
export async function clearAttempts(stateFolder: string, runId: string, graceMs: number): Promise<void> {
  const folder = join(attemptsFolder(stateFolder), runId);
  for (const attempt of await list(folder)) await clear(join(folder, attempt), graceMs);
  await removeIfEmpty(folder);
}

/** The same for all runs whose worker is dead. */
export async function clearAbandoned(stateFolder: string, graceMs: number): Promise<void> {
  const runs = attemptsFolder(stateFolder);
  for (const run of await list(runs)) {
    for (const attempt of await list(join(runs, run))) {
      const path = join(runs, run, attempt);
      const note = await readNote(path);
      if (note === undefined || !(await isAlive(note.worker))) await clear(path, graceMs);
    }
    await removeIfEmpty(join(runs, run));
  }
}

async function clear(path: string, graceMs: number): Promise<void> {
  const note = await readNote(path);
  if (note?.program !== undefined) {
    if (await isSameGroup(note.program, note.mark)) await end(note.program.pid, graceMs);
  } else if (note !== undefined) {
    // The worker may have died between the start and the note of it.
    for (const leader of await findGroups(note.mark)) await end(leader, graceMs);
  }
  await rm(path, { recursive: true, force: true });
}

async function end(leader: number, graceMs: number): Promise<void> {
  if (await endGroup(leader, graceMs)) return;
  const what = `process group ${leader} of an earlier attempt does not end`;
  throw new ServeryError('COMMAND_FAILED', `Cannot start the run: ${what}`, { hint: 'Look at what it waits for.' });
}

function markOf(runId: string): string {
  return `SERVERY_RUN_ID=${runId}`;
}

/** Whole or not at all. It need not survive a crash of the machine: neither do the processes that it names. */
async function writeNote(path: string, note: Note): Promise<void> {
  await writeFile(join(path, `${NOTE}.new`), JSON.stringify(note));
  await rename(join(path, `${NOTE}.new`), join(path, NOTE));
}

async function readNote(path: string): Promise<Note | undefined> {
  const text = await readFile(join(path, NOTE), 'utf8').catch(() => undefined);
  return text === undefined ? undefined : (JSON.parse(text) as Note);
}

async function list(folder: string): Promise<readonly string[]> {
  return readdir(folder).catch(() => []);
}

async function removeIfEmpty(folder: string): Promise<void> {
  await rmdir(folder).catch(() => undefined); // another step of the run is at work there
}
