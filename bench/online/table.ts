/**
 * The result of a bench: a line for each figure, as text and for the file.
 *
 * Machines are shared and drift, so a number alone says nothing. A repetition measures Servery, the floor, and
 * Servery again; its ratio is that of the mean to the floor, and how far the two are apart is shown as the drift.
 */
import { median } from '../report.ts';

export interface Repetition<T> {
  readonly before: T;
  readonly floor: T;
  readonly after: T;
}

export interface Line {
  readonly case: string;
  /** Medians of the repetitions. */
  readonly floor: number;
  readonly servery: number;
  readonly ratio: number;
  /** Least and greatest ratio. */
  readonly spread: readonly [number, number];
  /** Greatest difference between the two measurements of a repetition, as a share of their mean. */
  readonly drift: number;
  readonly errors: number;
  readonly goal: string;
  /** Whether the median ratio reaches the goal; undefined without one. */
  readonly reached: boolean | undefined;
}

/** What is wanted of a ratio. */
export type Goal = { readonly atLeast: number } | { readonly atMost: number } | undefined;

export async function repeat<T>(
  repetitions: number,
  measureFloor: () => Promise<T>,
  measureOurs: () => Promise<T>,
): Promise<readonly Repetition<T>[]> {
  const done: Repetition<T>[] = [];
  for (let i = 0; i < repetitions; i += 1) {
    done.push({ before: await measureOurs(), floor: await measureFloor(), after: await measureOurs() });
  }
  return done;
}

export function lineOf<T>(
  name: string,
  repetitions: readonly Repetition<T>[],
  figure: (value: T) => number,
  errorsOf: (value: T) => number,
  goal?: Goal,
): Line {
  const ours = repetitions.map(({ before, after }) => (figure(before) + figure(after)) / 2);
  const floors = repetitions.map(({ floor }) => figure(floor));
  const ratios = ours.map((value, i) => value / floors[i]!);
  const drifts = repetitions.map(({ before, after }, i) => Math.abs(figure(before) - figure(after)) / ours[i]!);
  const ratio = median(ratios);
  return {
    case: name,
    floor: median(floors),
    servery: median(ours),
    ratio,
    spread: [Math.min(...ratios), Math.max(...ratios)],
    drift: Math.max(...drifts),
    errors: repetitions.reduce((sum, { before, after }) => sum + errorsOf(before) + errorsOf(after), 0),
    goal: goal === undefined ? '' : 'atLeast' in goal ? `at least ${goal.atLeast}` : `at most ${goal.atMost}`,
    reached: goal === undefined ? undefined : 'atLeast' in goal ? ratio >= goal.atLeast : ratio <= goal.atMost,
  };
}

export const HEADING = row('CASE', 'FLOOR', 'SERVERY', 'RATIO (SPREAD)', 'DRIFT', 'ERRORS', 'GOAL');

export function textOf(line: Line): string {
  const spread = line.spread.map((ratio) => ratio.toFixed(2)).join(' to ');
  const verdict = line.reached === undefined ? '' : line.reached ? ': reached' : ': MISSED';
  return row(
    line.case,
    format(line.floor),
    format(line.servery),
    `${line.ratio.toFixed(2)} (${spread})`,
    `${Math.round(line.drift * 100)} %`,
    String(line.errors),
    line.goal + verdict,
  );
}

function row(name: string, ...cells: readonly string[]): string {
  const [floor = '', servery = '', ratio = '', drift = '', errors = '', goal = ''] = cells;
  return [
    name.padEnd(58),
    floor.padStart(9),
    servery.padStart(9),
    ratio.padEnd(21),
    drift.padStart(5),
    errors.padStart(6),
    goal,
  ].join('  ');
}

function format(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString('en') : value.toFixed(3);
}
