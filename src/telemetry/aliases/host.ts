/** The machine, as dashboards of other systems show it beside their models. */
import { statfsSync } from 'node:fs';
import { cpus, freemem, totalmem } from 'node:os';
import { systemClock } from '../../core/clock.ts';

export interface HostFigures {
  /** Of all processors, 0 to 1, since the last scrape that is at least a second ago. */
  readonly cpuShare: number;
  readonly memoryBytes: number;
  readonly freeMemoryBytes: number;
  /** Of the file system at `/`: free is what a user may still write. */
  readonly usedDiskBytes: number;
  readonly freeDiskBytes: number;
}

const RENEW_AFTER_MS = 1000;

interface Reading {
  readonly at: number;
  readonly busy: number;
  readonly all: number;
}

/** Two readers within a moment get the same figure, not one of a moment. The first gets that since the machine began. */
let last: Reading = { at: -Infinity, busy: 0, all: 0 };
let cpuShare = 0;

export function readHost(): HostFigures {
  if (systemClock.now() - last.at >= RENEW_AFTER_MS) {
    const next = read();
    cpuShare = (next.busy - last.busy) / Math.max(1, next.all - last.all);
    last = next;
  }
  const disk = statfsSync('/');
  return {
    cpuShare,
    memoryBytes: totalmem(),
    freeMemoryBytes: freemem(),
    usedDiskBytes: (disk.blocks - disk.bfree) * disk.bsize,
    freeDiskBytes: disk.bavail * disk.bsize,
  };
}

function read(): Reading {
  let busy = 0;
  let all = 0;
  for (const { times } of cpus()) {
    const total = times.user + times.nice + times.sys + times.idle + times.irq;
    busy += total - times.idle;
    all += total;
  }
  return { at: systemClock.now(), busy, all };
}
