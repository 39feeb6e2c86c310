/** What comes next of a schedule, and the schedule in words: for people who ask when, and over what. */
import { formatDuration } from '../core/duration.ts';
import { intervalSinceSuccess } from '../schedule/ranges.ts';
import { intervalModeOf, type Occurrence, type Schedule } from '../schedule/schedule.ts';

/**
 * The occurrences that fire after an instant, the first `count` of them.
 *
 * @param lastSuccessEndMs for a schedule whose intervals begin there; the later ones are shown as if each succeeded
 */
export function nextOccurrences(
  schedule: Schedule,
  nowMs: number,
  count: number,
  lastSuccessEndMs: number | undefined,
): readonly Occurrence[] {
  const { delay, jitter } = schedule.options;
  const isSinceSuccess = intervalModeOf(schedule.options) === 'sinceLastSuccess';
  const found: Occurrence[] = [];
  let successEndMs = lastSuccessEndMs;
  // One that is scheduled for an instant that has passed may have a delay that has not.
  let next = schedule.next(nowMs - delay - jitter);
  for (; next !== undefined && found.length < count; next = schedule.next(next.scheduledForMs)) {
    if (next.fireAtMs <= nowMs) continue;
    if (!isSinceSuccess) {
      found.push(next);
      continue;
    }
    found.push({ ...next, interval: intervalSinceSuccess(schedule, next.scheduledForMs, successEndMs) });
    successEndMs = next.scheduledForMs;
  }
  return found;
}

/** `cron 0 20 * * * (Asia/Seoul)`, `every 30m`, `after extract`, `by hand`. */
export function scheduleText({ kind, options }: Schedule): string {
  switch (kind) {
    case 'cron': {
      const expressions = [options.cron ?? []].flat().join(', ');
      return `cron ${expressions} (${options.timezone})`;
    }
    case 'every':
      return `every ${formatDuration(options.every!)}`;
    case 'at':
      return options.at!.length === 1 ? 'at one instant' : `at ${options.at!.length} instants`;
    case 'after':
      return `after ${options.after}`;
    case 'manual':
      return 'by hand';
  }
}
