/**
 * What a cron expression means, the slow way: walk the real clock, read the wall clock of the zone at each step
 * with Intl, and compare it with the fields. It shares no code, no library and no method with `src/schedule/`.
 *
 * A fixed time (no star in the time of day) that the clock jumps over fires at the first instant after the jump, and
 * of a time that is shown twice the first counts; a whole day that a zone leaves out is not made up for; anything else fires whenever the wall clock shows it.
 */

interface Reading {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
}

const MINUTE_MS = 60_000;
const NAMES = {
  month: ['', 'jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'],
  weekday: ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'],
};

/**
 * @param stepMs a minute where the expression has no seconds, else a second
 * @returns every firing in `[fromMs, toMs)`
 */
export function walk(expression: string, timezone: string, fromMs: number, toMs: number): number[] {
  const matches = matcherOf(expression);
  const fields = expression.split(' ');
  const stepMs = fields.length === 5 || fields[0] === '0' ? MINUTE_MS : 1000;
  const timeOfDay = fields.length === 5 ? fields.slice(0, 2) : fields.slice(0, 3);
  const isFixed = timeOfDay.every((field) => !field.startsWith('*'));
  const read = wallClock(timezone);

  const firings: number[] = [];
  // A day earlier: whether a reading is shown for the second time depends on what was shown before.
  const start = fromMs - 86_400_000;
  let latest = asNumber(read(start)) - stepMs;
  for (let instant = start; instant < toMs; instant += stepMs) {
    const reading = read(instant);
    const shown = asNumber(reading);
    const isRepeated = shown <= latest;
    let fires = matches(reading) && !(isFixed && isRepeated);
    const isWholeDay = shown - latest > 86_400_000;
    for (let skipped = latest + stepMs; isFixed && !isWholeDay && skipped < shown; skipped += stepMs) {
      fires ||= matches(asReading(skipped));
    }
    if (fires && instant >= fromMs) firings.push(instant);
    latest = Math.max(latest, shown);
  }
  return firings;
}

function wallClock(timeZone: string): (instantMs: number) => Reading {
  const two = '2-digit';
  const format = new Intl.DateTimeFormat('en-US', {
    ...{ timeZone, hourCycle: 'h23', year: 'numeric', month: two, day: two, hour: two, minute: two, second: two },
  });
  return (instantMs) => {
    const [month, day, year, hour, minute, second] = format.format(instantMs).split(/\D+/).map(Number);
    return { year: year!, month: month!, day: day!, hour: hour!, minute: minute!, second: second! };
  };
}

function asNumber({ year, month, day, hour, minute, second }: Reading): number {
  return Date.UTC(year, month - 1, day, hour, minute, second);
}

function asReading(shown: number): Reading {
  const date = new Date(shown);
  return {
    ...{ year: date.getUTCFullYear(), month: date.getUTCMonth() + 1, day: date.getUTCDate() },
    ...{ hour: date.getUTCHours(), minute: date.getUTCMinutes(), second: date.getUTCSeconds() },
  };
}

/** Whether a reading is one that the expression names. */
function matcherOf(expression: string): (reading: Reading) => boolean {
  const parts = expression.toLowerCase().split(' ');
  const withSeconds = parts.length === 5 ? ['0', ...parts] : parts;
  const [second = '', minute = '', hour = '', dayOfMonth = '', month = '', weekday = '', year = '*'] = withSeconds;
  const mustBoth = weekday.startsWith('+');
  const isFree = (field: string) => field === '*' || field === '?';
  const dayField = weekday.replace('+', '');
  const isDay = (reading: Reading) => {
    const ofMonth = dayOfMonth.split(',').some((item) => isDayOfMonth(item, reading));
    const ofWeek = dayField.split(',').some((item) => isWeekday(item, reading));
    return mustBoth || isFree(dayOfMonth) || isFree(dayField) ? ofMonth && ofWeek : ofMonth || ofWeek;
  };
  return (reading) =>
    includes(second, reading.second, 0, 59) &&
    includes(minute, reading.minute, 0, 59) &&
    includes(hour, reading.hour, 0, 23) &&
    includes(month, reading.month, 1, 12, NAMES.month) &&
    includes(year, reading.year, 1970, 2199) &&
    isDay(reading);
}

function includes(field: string, value: number, low: number, high: number, names: readonly string[] = []): boolean {
  return field.split(',').some((item) => {
    if (item === '*' || item === '?') return true;
    const [range = '', step = '1'] = item.split('/');
    const numberOf = (text: string) => (names.includes(text) ? names.indexOf(text) : Number(text));
    const [from, to] = range === '*' ? [low, high] : range.split('-').map(numberOf);
    return value >= from! && value <= (to ?? from!) && (value - from!) % Number(step) === 0;
  });
}

const weekdayOf = ({ year, month, day }: Reading) => new Date(Date.UTC(year, month - 1, day)).getUTCDay();
const lengthOf = ({ year, month }: Reading) => new Date(Date.UTC(year, month, 0)).getUTCDate();
const isWorkday = (reading: Reading) => weekdayOf(reading) >= 1 && weekdayOf(reading) <= 5;

function isDayOfMonth(item: string, reading: Reading): boolean {
  const { day } = reading;
  const length = lengthOf(reading);
  if (item === 'l') return day === length;
  if (item === 'lw') {
    const workdays = daysOfMonth(reading).filter(isWorkday);
    return day === workdays.at(-1)!.day;
  }
  if (item.endsWith('w')) {
    const wanted = Number(item.slice(0, -1));
    const near = daysOfMonth(reading).filter(isWorkday);
    const distance = (other: Reading) => Math.abs(other.day - wanted);
    return wanted <= length && day === near.toSorted((a, b) => distance(a) - distance(b))[0]!.day;
  }
  return includes(item, day, 1, 31);
}

function isWeekday(item: string, reading: Reading): boolean {
  const day = weekdayOf(reading);
  const [name = '', nth] = item.split('#');
  const numberOf = (text: string) => (NAMES.weekday.includes(text) ? NAMES.weekday.indexOf(text) : Number(text) % 7);
  const sameDays = daysOfMonth(reading).filter((other) => weekdayOf(other) === day);
  const isLast = sameDays.at(-1)!.day === reading.day;
  if (nth !== undefined) {
    const isNth = nth === 'l' ? isLast : sameDays[Number(nth) - 1]?.day === reading.day;
    return numberOf(name) === day && isNth;
  }
  if (/^(\d|[a-z]{3})l$/.test(item)) return numberOf(item.slice(0, -1)) === day && isLast;
  const range = item.replace(/[a-z]{3}/g, (text) => String(NAMES.weekday.indexOf(text))).replace(/^([1-6])-0/, '$1-7');
  return includes(range, day, 0, 6) || (day === 0 && /7/.test(range) && includes(range, 7, 0, 7));
}

function daysOfMonth(reading: Reading): readonly Reading[] {
  return Array.from({ length: lengthOf(reading) }, (_, index) => ({ ...reading, day: index + 1 }));
}
