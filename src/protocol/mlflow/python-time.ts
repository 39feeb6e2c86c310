/** Instants as pandas and NumPy read and print them: ISO 8601 with up to nine digits of a second. */

export interface ReadTime {
  /** Since 1970, in UTC where a zone was given. */
  readonly nanoseconds: bigint;
  readonly hasZone: boolean;
  /** How it was written: the texts of a column must all have the same form. */
  readonly form: string;
}

const ISO =
  /^(\d{4})-(\d{2})(?:-(\d{2})(?:([T ])(\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?)?)?(Z|[+-]\d{2}:?\d{2})?$/;

/** @returns undefined when the text is no such time */
export function readDateTime(text: string): ReadTime | undefined {
  const match = ISO.exec(text);
  if (match === null) return undefined;
  const [, year = '', month = '', day = '01', separator = '', hour = '0', minute = '0', second = '0', fraction = ''] =
    match;
  const parts = [year, month, day, hour, minute, second].map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const date = new Date(0);
  date.setUTCFullYear(parts[0], parts[1] - 1, parts[2]);
  date.setUTCHours(parts[3], parts[4], parts[5]);
  const back = [date.getUTCFullYear(), date.getUTCMonth() + 1, date.getUTCDate()];
  if (back.some((part, i) => part !== parts[i]) || parts[3] > 23 || parts[4] > 59 || parts[5] > 59) return undefined;
  const zone = match[9];
  const nanoseconds = BigInt(date.getTime() - offsetMs(zone)) * 1_000_000n + BigInt(fraction.padEnd(9, '0') || '0');
  // What does not fit is no time of pandas.
  if (BigInt.asIntN(64, nanoseconds) !== nanoseconds) return undefined;
  const form = [match[3] !== undefined, separator, match[7] !== undefined, fraction !== ''].join();
  return { nanoseconds, hasZone: zone !== undefined, form };
}

function offsetMs(zone: string | undefined): number {
  if (zone === undefined || zone === 'Z') return 0;
  const minutes = Number(zone.slice(1, 3)) * 60 + Number(zone.slice(-2));
  return (zone.startsWith('-') ? -1 : 1) * minutes * 60_000;
}

/** As pandas' `isoformat`. */
export function dateTimeText(nanoseconds: bigint | null): string {
  if (nanoseconds === null) return 'NaT';
  const rest = ((nanoseconds % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n;
  const seconds = new Date(Number((nanoseconds - rest) / 1_000_000n)).toISOString().slice(0, 19);
  if (rest === 0n) return seconds;
  const digits = String(rest).padStart(9, '0');
  return `${seconds}.${digits.endsWith('000') ? digits.slice(0, 6) : digits}`;
}
