/** An ascending, possibly endless series of instants: what every kind of schedule comes down to. */
export interface Ticks {
  /** The first tick later than `afterMs`. */
  next(afterMs: number): number | undefined;
  /** The last tick earlier than `beforeMs`. */
  previous(beforeMs: number): number | undefined;
}

export const noTicks: Ticks = { next: () => undefined, previous: () => undefined };

/** Instants are numbers of milliseconds that dates can hold; a schedule ends with the year 2199. */
const LAST_MS = Date.UTC(2200, 0, 1) - 1;

/** Every `everyMs` of real time, on the grid that `anchorMs` lies on. */
export function everyTicks(everyMs: number, anchorMs: number): Ticks {
  return {
    next: (afterMs) => {
      const tick = anchorMs + (Math.floor((afterMs - anchorMs) / everyMs) + 1) * everyMs;
      return tick > LAST_MS ? undefined : tick;
    },
    previous: (beforeMs) => anchorMs + (Math.ceil((beforeMs - anchorMs) / everyMs) - 1) * everyMs,
  };
}

export function listedTicks(instantsMs: readonly number[]): Ticks {
  const sorted = instantsMs.toSorted((a, b) => a - b);
  return {
    next: (afterMs) => sorted[countWhile(sorted, (tick) => tick <= afterMs)],
    previous: (beforeMs) => sorted[countWhile(sorted, (tick) => tick < beforeMs) - 1],
  };
}

/** All ticks of all parts; one where several agree. */
export function mergedTicks(parts: readonly Ticks[]): Ticks {
  const [only] = parts;
  if (only !== undefined && parts.length === 1) return only;
  return {
    next: (afterMs) => least(parts.map((part) => part.next(afterMs))),
    previous: (beforeMs) => greatest(parts.map((part) => part.previous(beforeMs))),
  };
}

export function least(values: readonly (number | undefined)[]): number | undefined {
  const present = values.filter((value) => value !== undefined);
  return present.length === 0 ? undefined : Math.min(...present);
}

export function greatest(values: readonly (number | undefined)[]): number | undefined {
  const present = values.filter((value) => value !== undefined);
  return present.length === 0 ? undefined : Math.max(...present);
}

/** How many at the front of a sorted list satisfy `holds`. */
function countWhile(sorted: readonly number[], holds: (value: number) => boolean): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (holds(sorted[middle]!)) low = middle + 1;
    else high = middle;
  }
  return low;
}
