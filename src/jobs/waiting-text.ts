/** "Why is this waiting?" in words, each with what would change it. */
import { formatInstant } from '../core/data-interval.ts';
import type { WaitReason } from '../engine/waiting.ts';

/** Undefined when the run does not wait. */
export function waitingText(reason: WaitReason): string | undefined {
  switch (reason.kind) {
    case 'notWaiting':
      return undefined;
    case 'jobPaused':
      return `the job is paused since ${formatInstant(reason.sinceMs)}${because(reason.note)}; \`servery job resume\` lets it go on`;
    case 'backfillPaused':
      return `its backfill ${reason.backfill} is paused${because(reason.note)}`;
    case 'notBefore':
      return `it does not start before ${formatInstant(reason.atMs)}: ${NOT_BEFORE[reason.because]}`;
    case 'jobBusy':
      return `runs of the job do not overlap, and ${reason.run} is not over`;
    case 'intervalBusy':
      return `${reason.run} writes the same interval and is not over`;
    case 'jobLimit':
      return `${reason.running} runs of the job are running, its limit is ${reason.limit}`;
    case 'backfillLimit':
      return `${reason.running} runs of its backfill are running, its limit is ${reason.limit}`;
    case 'overallLimit':
      return `${reason.running} runs are running, the overall limit is ${reason.limit}`;
    case 'poolFull': {
      const holders = reason.runs.length === 0 ? '' : ` (held by ${reason.runs.join(', ')})`;
      return `it wants ${reason.wanted} of the ${reason.limit} slots of the pool ${reason.pool}, of which ${reason.used} are taken${holders}`;
    }
    case 'poolTooSmall':
      return `it wants ${reason.wanted} slots and the pool ${reason.pool} has ${reason.limit}: it will never start`;
    case 'noWorker':
      return 'no worker lives; `servery up` or `servery work` starts one';
    case 'workersBusy':
      return reason.ahead === 0
        ? `a worker takes it as soon as it has room (${reason.workers} with ${reason.capacity} places)`
        : `${reason.ahead} runs go first, and ${reason.workers} workers have ${reason.capacity} places`;
  }
}

const NOT_BEFORE = {
  retry: 'it is tried again after a pause',
  delay: 'the schedule has a delay',
  lateData: 'it is for data that comes late',
};

function because(note: string): string {
  return note === '' ? '' : ` ("${note}")`;
}
