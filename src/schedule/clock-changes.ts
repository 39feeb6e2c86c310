/** What changes of a zone's clock do to a schedule, in sentences. */
import type { Calendar } from './calendar.ts';
import { formatInstant } from '../core/data-interval.ts';
import { formatOffset } from './instant.ts';
import type { Zone } from './zone.ts';

const DAY_MS = 86_400_000;
/** Of a schedule that fires once a year, ten instants see twenty changes. */
const MAX_CONCERNING = 6;
const MAX_OTHERS = 2;

export function clockChangeNotes(
  calendar: Calendar,
  isFixed: boolean,
  zone: Zone,
  fromMs: number,
  toMs: number,
): readonly string[] {
  const concerning: string[] = [];
  const others: string[] = [];
  let span = zone.spanAt(fromMs);
  while (span.endMs <= toMs) {
    const { endMs, offsetMs, offsetAfterMs } = span;
    const change = changeInWords(endMs, offsetMs, offsetAfterMs);
    const effect = effectOf(calendar, isFixed, endMs, offsetMs, offsetAfterMs);
    if (effect !== undefined) concerning.push(`${change}: ${effect}.`);
    else if (offsetMs !== offsetAfterMs) others.push(`${change}: no time of the schedule falls into it.`);
    span = zone.spanAt(endMs);
  }
  const shown = [...concerning.slice(0, MAX_CONCERNING), ...others.slice(0, MAX_OTHERS)];
  const left = concerning.length + others.length - shown.length;
  return left === 0 ? shown : [...shown, `The clock changes ${left} more times in this span.`];
}

function changeInWords(atMs: number, beforeMs: number, afterMs: number): string {
  const direction = afterMs > beforeMs ? 'forward' : 'back';
  return (
    `At ${formatInstant(atMs)} the clock goes ${direction} from ${wallClock(atMs + beforeMs)} ` +
    `to ${wallClock(atMs + afterMs)} (${formatOffset(beforeMs)} to ${formatOffset(afterMs)})`
  );
}

/** Undefined when the schedule names no time that the change leaves out or repeats. */
function effectOf(calendar: Calendar, isFixed: boolean, atMs: number, beforeMs: number, afterMs: number) {
  const reading = calendar.next(atMs + Math.min(beforeMs, afterMs) - 1);
  if (reading === undefined || reading >= atMs + Math.max(beforeMs, afterMs)) return undefined;
  const time = wallClock(reading);
  if (afterMs < beforeMs) {
    return `${time} comes twice; ${isFixed ? 'it fires at the first only' : 'it fires both times, since real time goes on'}`;
  }
  const isMadeUpFor = isFixed && afterMs - beforeMs < DAY_MS;
  return `${time} does not exist; ${isMadeUpFor ? 'it fires once, right after the jump' : 'what does not exist does not fire'}`;
}

/** `2024-03-10 02:00`. */
function wallClock(reading: number): string {
  return new Date(reading).toISOString().slice(0, 16).replace('T', ' ');
}
