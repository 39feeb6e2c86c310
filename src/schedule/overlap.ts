/** Overlap: what becomes of a run that is due while others of its job are not done. */
import type { OverlapPolicy } from './options.ts';

export interface ActiveRuns {
  /** Waiting to start, or to be tried again. */
  readonly queued: number;
  readonly running: number;
}

export type OverlapDecision =
  | 'start'
  /** Wait until the others are done. */
  | 'buffer'
  /** Not at all; recorded as suppressed. */
  | 'skip'
  /** Ask the others to stop, then start. */
  | 'cancelOthers'
  /** Kill the others, then start. */
  | 'terminateOthers';

export function decideOverlap(policy: OverlapPolicy, { queued, running }: ActiveRuns): OverlapDecision {
  if (queued + running === 0) return 'start';
  switch (policy) {
    case 'skip':
      return 'skip';
    case 'bufferOne':
      return queued === 0 ? 'buffer' : 'skip';
    case 'bufferAll':
      return 'buffer';
    case 'cancelOther':
      return 'cancelOthers';
    case 'terminateOther':
      return 'terminateOthers';
    case 'allow':
      return 'start';
  }
}
