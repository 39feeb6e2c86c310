/** "Why is this waiting?": what keeps a run from being claimed, each a fact that an operator can change. */
export type WaitReason =
  | { readonly kind: 'notWaiting'; readonly state: string }
  | { readonly kind: 'jobPaused'; readonly note: string; readonly sinceMs: number }
  | { readonly kind: 'backfillPaused'; readonly backfill: string; readonly note: string }
  /** A delay, the back-off of a retry, or late data. */
  | { readonly kind: 'notBefore'; readonly atMs: number; readonly because: 'retry' | 'delay' | 'lateData' }
  /** The job's runs do not overlap. */
  | { readonly kind: 'jobBusy'; readonly run: string }
  /** Two runs that write the same interval never interleave. */
  | { readonly kind: 'intervalBusy'; readonly run: string }
  | { readonly kind: 'jobLimit'; readonly running: number; readonly limit: number }
  | { readonly kind: 'backfillLimit'; readonly backfill: string; readonly running: number; readonly limit: number }
  | { readonly kind: 'overallLimit'; readonly running: number; readonly limit: number }
  | {
      readonly kind: 'poolFull';
      readonly pool: string;
      readonly used: number;
      readonly wanted: number;
      readonly limit: number;
      readonly runs: readonly string[];
    }
  /** The run wants more slots than its pool has: it will never start. */
  | { readonly kind: 'poolTooSmall'; readonly pool: string; readonly wanted: number; readonly limit: number }
  | { readonly kind: 'noWorker' }
  /** Nothing is in its way but those that go first, and workers with room for more. */
  | { readonly kind: 'workersBusy'; readonly ahead: number; readonly workers: number; readonly capacity: number };
