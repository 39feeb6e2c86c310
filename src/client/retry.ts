/**
 * Tries a request again when that is safe: only when the server says that it did not run it, or when
 * the connection was refused. A request that may have run is never sent twice.
 */
import { ServeryError, type ErrorCode } from '../core/errors.ts';

/** Refusals at the door. `HANDLER_RESTARTED` is not among them: the call had begun. */
const NOT_RUN: ReadonlySet<ErrorCode> = new Set([
  'QUEUE_FULL',
  'SHUTTING_DOWN',
  'MODEL_NOT_READY',
  'SERVER_NOT_RUNNING',
]);

const FIRST_DELAY_MS = 50;
const MAX_DELAY_MS = 5000;

/**
 * @param attempts tries in all, at least 1
 * @param deadline instant of `Date.now()` after which no further try begins
 */
export async function withRetries<T>(
  attempt: () => Promise<T>,
  { attempts, deadline, signal }: { attempts: number; deadline: number; signal: AbortSignal | undefined },
): Promise<T> {
  for (let tried = 1; ; tried += 1) {
    try {
      return await attempt();
    } catch (error) {
      const mayRetry = error instanceof ServeryError && NOT_RUN.has(error.code) && tried < attempts;
      if (!mayRetry) throw error;
      const delayMs = retryDelayMs(tried, error.retryAfterMs, Math.random());
      if (Date.now() + delayMs >= deadline) throw error;
      await sleep(delayMs, signal);
    }
  }
}

/** What the server asks for, else exponential; with jitter, so that refused clients do not come back together. */
export function retryDelayMs(tried: number, retryAfterMs: number | undefined, random: number): number {
  const base = retryAfterMs ?? FIRST_DELAY_MS * 2 ** (tried - 1);
  return Math.min(MAX_DELAY_MS, base) * (0.5 + random);
}

function sleep(delayMs: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = () => {
      clearTimeout(timer);
      reject(signal!.reason as Error);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    }, delayMs);
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}
