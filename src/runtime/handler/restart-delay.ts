/** How long a version waits before it starts a thread anew, so that one which always dies does not eat a core. */

const FIRST_MS = 100;
const LONGEST_MS = 30_000;
/** A thread that lived this long did not die of how it starts. */
const SOUND_MS = 10_000;

export type EndOfThread =
  /** A call did not end at its deadline. It took that long, so it cannot come often: no pause. */
  | 'deadline'
  /** More memory than it may have. */
  | 'memory'
  /** It left by itself: an uncaught error, `process.exit()`, or a `setup` that failed. */
  | 'exit';

/**
 * @param failures how many threads of the version died early, one after the other, before this one
 * @returns the count for the next time, and how long to wait now
 */
export function afterEnd(cause: EndOfThread, livedMs: number, failures: number): { failures: number; delayMs: number } {
  if (cause === 'deadline') return { failures, delayMs: 0 };
  if (livedMs >= SOUND_MS) return { failures: 1, delayMs: 0 };
  const delayMs = failures === 0 ? 0 : Math.min(LONGEST_MS, FIRST_MS * 2 ** (failures - 1));
  return { failures: failures + 1, delayMs };
}
