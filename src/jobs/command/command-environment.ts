/** The environment of a command: a contract with programs of others, so what is here stays as it is. */
import { formatInstant } from '../../core/data-interval.ts';
import type { StepContext } from '../step.ts';

export interface CommandFiles {
  readonly resultFile: string;
  readonly artifactFolder: string;
}

export function commandEnvironment(context: StepContext, files: CommandFiles): Record<string, string> {
  const { interval } = context;
  return {
    SERVERY_JOB: context.job,
    SERVERY_RUN_ID: context.runId,
    SERVERY_STEP: context.step,
    SERVERY_ATTEMPT: String(context.attempt),
    SERVERY_INTERVAL_START: interval === undefined ? '' : formatInstant(interval.startMs),
    SERVERY_INTERVAL_END: interval === undefined ? '' : formatInstant(interval.endMs),
    SERVERY_TIMEZONE: context.timezone,
    SERVERY_PARAMS: JSON.stringify(context.params),
    SERVERY_RESULTS: JSON.stringify(context.results),
    SERVERY_RESULT_FILE: files.resultFile,
    SERVERY_ARTIFACT_DIR: files.artifactFolder,
  };
}

/** What a program inherits: the environment of Servery, without what is meant for this process alone. */
export function inheritedEnvironment(env: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const kept = Object.entries(env).filter(
    (entry): entry is [string, string] =>
      entry[1] !== undefined && !/^(SERVERY_FAILPOINT|NODE_CHANNEL_)/.test(entry[0]),
  );
  // Python keeps its output to itself while it writes to a pipe; a log that is followed live needs it at once.
  return { PYTHONUNBUFFERED: '1', ...Object.fromEntries(kept) };
}
