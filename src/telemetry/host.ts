/** How busy the machine is, as its operating system tells: what other servers print beside their own figures. */
import { statfsSync } from 'node:fs';
import { cpus } from 'node:os';

export interface DiskFigures {
  readonly usedBytes: number;
  /** What who is not root can write. */
  readonly freeBytes: number;
  readonly usedPercent: number;
}

/** Of the file system at the root; undefined where it does not tell. */
export function diskFigures(path = '/'): DiskFigures | undefined {
  try {
    const { bsize, blocks, bfree, bavail } = statfsSync(path);
    const used = blocks - bfree;
    if (used + bavail === 0) return undefined;
    return { usedBytes: used * bsize, freeBytes: bavail * bsize, usedPercent: (used / (used + bavail)) * 100 };
  } catch {
    return undefined;
  }
}

/** Milliseconds of all processors since the machine started. */
export interface ProcessorTimes {
  readonly busyMs: number;
  readonly idleMs: number;
}

function processorTimes(): ProcessorTimes {
  let busyMs = 0;
  let idleMs = 0;
  for (const { times } of cpus()) {
    busyMs += times.user + times.nice + times.sys + times.irq;
    idleMs += times.idle;
  }
  return { busyMs, idleMs };
}

function busyPercent(before: ProcessorTimes, now: ProcessorTimes): number {
  const busy = now.busyMs - before.busyMs;
  const all = busy + now.idleMs - before.idleMs;
  return all > 0 ? (busy / all) * 100 : 0;
}

/** @returns asks for the share of the processors that was busy since it was asked last, in percent */
export function createProcessorMeter(read = processorTimes): () => number {
  let before = read();
  return () => {
    const now = read();
    const percent = busyPercent(before, now);
    before = now;
    return percent;
  };
}
