/** The schedule of a job in words, for people who look: what words cron expressions is loaded when somebody does. */
import type { Schedule } from '../schedule/schedule.ts';
import { scheduleText } from './occurrences.ts';

/** `At 20:00, every day (Asia/Seoul)`; for other kinds of schedules as `scheduleText`. */
export async function scheduleInWords(schedule: Schedule): Promise<string> {
  const { cron, timezone } = schedule.options;
  if (schedule.kind !== 'cron' || cron === undefined) return scheduleText(schedule);
  const [{ describeCron }, { parseCron }] = await Promise.all([
    import('../schedule/words.ts'),
    import('../schedule/cron-syntax.ts'),
  ]);
  const words = [cron].flat().map((expression) => describeCron(parseCron(expression)));
  return `${words.join('; ')} (${timezone})`;
}
