/**
 * Time as a parameter: whoever waits or compares instants is given a clock, so tests move it by hand.
 *
 * `now` is in milliseconds since the epoch but never runs backwards, and it reads the same in every
 * thread of the process, so an instant (a deadline) may cross a thread border.
 */
export interface Clock {
  /** Milliseconds since the epoch, with fractions; monotonic. */
  now(): number;
  /** Calls `callback` once, `delayMs` from now, unless disposed before. Does not keep the process alive. */
  after(delayMs: number, callback: () => void): Disposable;
}

// Threads have their own time origin; the sum is common to all of them.
const origin = performance.timeOrigin;

/** About 25 days. Node.js turns anything longer into one millisecond. */
const LONGEST_DELAY_MS = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => origin + performance.now(),
  after(delayMs, callback) {
    const timer = setTimeout(callback, Math.min(delayMs, LONGEST_DELAY_MS)).unref();
    return { [Symbol.dispose]: () => clearTimeout(timer) };
  },
};

/**
 * The clock on the wall, which an operator, NTP or a laptop's lid may move: for schedules and for instants that
 * several processes compare. Whoever uses it must bear a jump in either direction.
 */
export const wallClock: Clock = { now: () => Date.now(), after: systemClock.after };
