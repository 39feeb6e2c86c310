/** Where the files of runs are, below `.servery`: by run, so that what is known of one can be removed as one. */
import { join } from 'node:path';

/** Everything that the attempts of a run have printed. */
export function runLogsFolder(stateFolder: string, runId: string): string {
  return join(stateFolder, 'logs', 'runs', runId);
}

export function logFile(stateFolder: string, runId: string, step: string, attempt: number): string {
  return join(runLogsFolder(stateFolder, runId), `${step}.${attempt}.log`);
}

/** Scratch space of all runs that are under way. */
export function attemptsFolder(stateFolder: string): string {
  return join(stateFolder, 'runs');
}

/** Scratch space of one attempt of a step; removed when it is over. */
export function attemptFolder(stateFolder: string, runId: string, step: string, attempt: number): string {
  return join(attemptsFolder(stateFolder), runId, `${step}.${attempt}`);
}

/** Artifacts that a gate has refused, each with the id of its run in its name. */
export function refusedFolder(stateFolder: string): string {
  return join(stateFolder, 'refused');
}
