/**
 * Decides what becomes of a run whose attempt has failed. Pure: jitter comes from a seed, so that a test and a
 * second look give the same instant.
 */
export interface RetryPolicy {
  /** How many attempts may fail by themselves, the first included. 1 is no retry. */
  readonly attempts: number;
  readonly delayMs: number;
  /** Each delay is so many times the one before. */
  readonly factor: number;
  readonly maxDelayMs: number;
  /** `full`: anywhere up to the delay; `equal`: in its upper half; `none`: the delay itself. */
  readonly jitter: 'none' | 'equal' | 'full';
  /** Codes after which another attempt would be useless. */
  readonly notOn: readonly string[];
  /** How many attempts may die with their worker. A run that takes its worker down must not do so for ever. */
  readonly workerLosses: number;
}

export interface Failures {
  /** Attempts of this run that failed by themselves, this one included. */
  readonly own: number;
  /** Attempts that died with their worker, this one included. */
  readonly losses: number;
}

/**
 * @param seed of the jitter: the run's id and the attempt
 * @returns milliseconds until the next attempt; undefined when there is none
 */
export function retryDelayMs(policy: RetryPolicy, failures: Failures, code: string, seed: string): number | undefined {
  if (policy.notOn.includes(code)) return undefined;
  if (code === 'WORKER_LOST') {
    if (failures.losses >= policy.workerLosses) return undefined;
    // The first loss is nobody's fault that waiting would mend; a second one may be the run's own.
    return failures.losses === 1 ? 0 : backOff(policy, failures.losses - 1, seed);
  }
  return failures.own < policy.attempts ? backOff(policy, failures.own, seed) : undefined;
}

function backOff({ delayMs, factor, maxDelayMs, jitter }: RetryPolicy, time: number, seed: string): number {
  const full = Math.min(maxDelayMs, delayMs * factor ** (time - 1));
  if (jitter === 'none') return Math.round(full);
  const low = jitter === 'equal' ? full / 2 : 0;
  return Math.round(low + (full - low) * fraction(seed));
}

/** FNV-1a as a number in [0, 1), its bits mixed once more: seeds that differ in one digit must spread. */
function fraction(seed: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < seed.length; index += 1) {
    hash = Math.imul(hash ^ seed.charCodeAt(index), 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  return ((hash ^ (hash >>> 13)) >>> 0) / 2 ** 32;
}
