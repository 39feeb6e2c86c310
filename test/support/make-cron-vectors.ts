// Writes test/fixtures/cron-vectors.json: what expressions mean around changes of the clock and over months,
// found by walking the real clock (cron-oracle.ts). All instants are in the past, so new zone rules change nothing.
//
//   node --conditions=servery-source test/support/make-cron-vectors.ts
import { writeFile } from 'node:fs/promises';
import { walk } from './cron-oracle.ts';

export interface OracleVector {
  readonly expression: string;
  readonly timezone: string;
  /** First instant that was walked over. */
  readonly from: string;
  /** Where the walk ended. */
  readonly to: string;
  /** The first firings, at most 6; fewer only if there were no more until `to`. */
  readonly next: readonly string[];
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

const CHANGES: readonly (readonly [timezone: string, day: string])[] = [
  ['America/New_York', '2024-03-10'],
  ['America/New_York', '2024-11-03'],
  ['Europe/Paris', '2024-03-31'],
  ['Europe/Paris', '2024-10-27'],
  ['Europe/Zurich', '2023-03-26'],
  ['Europe/Zurich', '2023-10-29'],
  ['America/Los_Angeles', '2020-03-08'],
  ['Australia/Lord_Howe', '2024-10-05'],
  ['Australia/Lord_Howe', '2024-04-06'],
  ['America/Santiago', '2023-09-03'],
  ['America/Santiago', '2024-04-07'],
  ['America/Havana', '2024-03-10'],
  ['America/Havana', '2024-11-03'],
  ['Antarctica/Troll', '2024-03-31'],
  ['Antarctica/Troll', '2024-10-27'],
  ['Pacific/Apia', '2011-12-30'],
  ['Africa/Casablanca', '2024-03-10'],
  ['Africa/Cairo', '2014-06-26'],
  ['Asia/Kathmandu', '1985-12-31'],
  ['Asia/Seoul', '2024-03-10'],
];

const DAILY: readonly string[] = [
  '30 1 * * *',
  '0 2 * * *',
  '30 2 * * *',
  '15,45 2 * * *',
  '0 0 * * *',
  '0 3 * * *',
  '0 20 * * *',
  '0 12 30,31 * *',
];

/** Walked from an hour and a half before the change. */
const OFTEN: readonly string[] = [
  '*/30 * * * *',
  '30 * * * *',
  '0 */2 * * *',
  '*/20 1-2 * * *',
  '10-40/15 0-3 * * *',
  '0 1,2,3 * * *',
];

/** With the days that a walk takes to see a few firings. */
const OVER_MONTHS: readonly (readonly [expression: string, from: string, days: number])[] = [
  ['0 0 L * *', '2023-11-15', 200],
  ['0 0 LW * *', '2024-03-01', 160],
  ['0 0 15W * *', '2024-08-20', 160],
  ['0 0 1W * *', '2024-05-15', 160],
  ['0 0 31W * *', '2024-01-01', 200],
  ['0 0 10,LW * *', '2024-02-01', 100],
  ['0 0 1,L * *', '2024-01-15', 90],
  ['0 0 * * 5L', '2024-01-01', 130],
  ['0 0 * * 5#L', '2024-02-01', 100],
  ['0 0 * * 5#3', '2024-01-01', 170],
  ['0 0 * * 5#5', '2024-01-01', 330],
  ['0 0 * * MON#1,FRI#L', '2024-01-01', 100],
  ['0 0 13 * 5', '2024-09-01', 60],
  ['0 0 13 * +5', '2024-01-01', 350],
  ['0 0 */2 * 1', '2024-09-01', 20],
  ['0 0 */2 * +1', '2024-09-01', 80],
  ['0 0 1-31 * 1', '2024-09-01', 12],
  ['0 0 13 * 0-7', '2024-09-01', 12],
  ['0 0 1,15 * */2', '2024-09-01', 16],
  ['0 0 1,15 * +*/2', '2024-09-01', 120],
  ['0 12 1 * +MON', '2024-01-01', 350],
  ['0 0 ? * SAT-SUN', '2024-01-01', 20],
  ['0 0 1 */3 ?', '2024-01-01', 340],
  ['0 0 29 2 *', '2023-01-01', 800],
  ['0 0 29,30,31 * *', '2023-01-01', 120],
  ['0 9 * * MON-FRI', '2024-02-24', 12],
  ['0 9 * JAN,JUL 6-7', '2024-01-20', 180],
  ['59 23 31 12 *', '2023-06-01', 600],
  ['0 0 29 2 +4', '2023-12-01', 120],
  ['0 6 8-14 * +2', '2024-01-01', 180],
];

const WITH_SECONDS: readonly (readonly [expression: string, timezone: string, from: string])[] = [
  ['*/20 59 1 * * *', 'America/New_York', '2024-11-03T05:30Z'],
  ['0,30 30 2 * * *', 'America/New_York', '2024-03-10T06:30Z'],
  ['15 0 3 * * *', 'Europe/Paris', '2024-03-31T00:30Z'],
  ['45 59 23 * * *', 'America/Santiago', '2023-09-03T03:30Z'],
  ['*/10 * * * * *', 'Asia/Kathmandu', '1985-12-31T18:29:30Z'],
  ['7 */15 * * * * 2024', 'UTC', '2023-12-31T23:30Z'],
];

const vectors: OracleVector[] = [];
for (const [timezone, day] of CHANGES) {
  for (const expression of DAILY) add(expression, timezone, Date.parse(day) - 1.25 * DAY_MS, 4);
  for (const expression of OFTEN) add(expression, timezone, changeNear(timezone, Date.parse(day)) - 1.5 * HOUR_MS, 2);
}
for (const [expression, from, days] of OVER_MONTHS) {
  add(expression, 'UTC', Date.parse(from), days);
  add(expression, 'America/New_York', Date.parse(from), days);
}
for (const [expression, timezone, from] of WITH_SECONDS) add(expression, timezone, Date.parse(from), 2 / 24);
const lines = vectors.map((vector) => `  ${JSON.stringify(vector)}`).join(',\n');
await writeFile(new URL('../fixtures/cron-vectors.json', import.meta.url), `[\n${lines}\n]\n`);
console.log(`${vectors.length} vectors`);

/** The first half hour, within two days, that begins with another offset than the one before. */
function changeNear(timeZone: string, dayMs: number): number {
  const format = new Intl.DateTimeFormat('en-US', { timeZone, timeZoneName: 'longOffset' });
  const offsetAt = (instantMs: number) => format.format(instantMs).split('GMT')[1];
  const halves = Array.from({ length: 144 }, (_, index) => dayMs - DAY_MS + (index * HOUR_MS) / 2);
  return halves.find((instantMs) => offsetAt(instantMs) !== offsetAt(instantMs - HOUR_MS / 2)) ?? dayMs;
}

function add(expression: string, timezone: string, fromMs: number, days: number): void {
  const toMs = fromMs + days * DAY_MS;
  const next = walk(expression, timezone, fromMs, toMs).slice(0, 6);
  const [from, to] = [iso(fromMs), iso(toMs)];
  vectors.push({ expression, timezone, from, to, next: next.map(iso) });
}

function iso(instantMs: number): string {
  return new Date(instantMs).toISOString().replace('.000Z', 'Z');
}
