/**
 * The result of every bench: a line for each figure of Servery beside the same figure of something else, as text and
 * for the file.
 *
 * Machines are shared and drift, so a number alone says nothing. Servery and the other take turns; a repetition holds
 * the other's figure and Servery's just before and just after it. Its ratio is that of the mean to the other, and how
 * far the two are apart is shown as the drift.
 */

export interface Repetition<T, U = T> {
  /** Before and after; or one alone, where measuring twice would take too long. */
  readonly ours: readonly T[];
  readonly theirs: U;
}

export interface Line {
  readonly case: string;
  /** Whose figure it is held against: a floor, or a server of others. */
  readonly against: string;
  /** Medians of the repetitions. */
  readonly theirs: number;
  readonly servery: number;
  readonly ratio: number;
  /** Least and greatest ratio. */
  readonly spread: readonly [number, number];
  /** Greatest difference between the two measurements of a repetition, as a share of their mean. */
  readonly drift: number;
  readonly errors: number;
  readonly theirErrors: number;
  readonly goal: string;
  /** Whether the median ratio reaches the goal; undefined without one. */
  readonly reached: boolean | undefined;
}

/** What is wanted of a ratio. */
export type Goal = { readonly atLeast: number } | { readonly atMost: number } | undefined;

/** Ours, theirs, ours, theirs, ours: each measurement between two counts for both of its neighbours. */
export async function takeTurns<T, U = T>(
  repetitions: number,
  measureTheirs: () => Promise<U>,
  measureOurs: () => Promise<T>,
): Promise<readonly Repetition<T, U>[]> {
  const done: Repetition<T, U>[] = [];
  let before = await measureOurs();
  for (let i = 0; i < repetitions; i += 1) {
    const theirs = await measureTheirs();
    const after = await measureOurs();
    done.push({ ours: [before, after], theirs });
    before = after;
  }
  return done;
}

export interface LineOptions<T> {
  readonly against: string;
  readonly errors?: (value: T) => number;
  readonly goal?: Goal;
}

export function lineOf<T>(
  name: string,
  repetitions: readonly Repetition<T>[],
  figure: (value: T) => number,
  { against, errors = () => 0, goal }: LineOptions<T>,
): Line {
  const ours = repetitions.map((repetition) => mean(repetition.ours.map(figure)));
  const others = repetitions.map(({ theirs }) => figure(theirs));
  const ratios = ours.map((value, i) => value / others[i]!);
  const drifts = repetitions.map((repetition, i) => spreadOf(repetition.ours.map(figure)) / ours[i]!);
  const ratio = median(ratios);
  return {
    case: name,
    against,
    theirs: median(others),
    servery: median(ours),
    ratio,
    spread: [Math.min(...ratios), Math.max(...ratios)],
    drift: Math.max(...drifts),
    errors: sum(new Set(repetitions.flatMap((repetition) => repetition.ours)), errors),
    theirErrors: sum(
      repetitions.map(({ theirs }) => theirs),
      errors,
    ),
    goal: goalText(goal),
    reached: isReached(ratio, goal),
  };
}

export function goalText(goal: Goal): string {
  return goal === undefined ? '' : 'atLeast' in goal ? `at least ${goal.atLeast}` : `at most ${goal.atMost}`;
}

export function isReached(ratio: number, goal: Goal): boolean | undefined {
  return goal === undefined ? undefined : 'atLeast' in goal ? ratio >= goal.atLeast : ratio <= goal.atMost;
}

export const HEADING = row('CASE', 'AGAINST', 'THEIRS', 'SERVERY', 'RATIO (SPREAD)', 'DRIFT', 'ERRORS', 'GOAL');

export function textOf(line: Line): string {
  const spread = line.spread.map((ratio) => ratio.toFixed(2)).join(' to ');
  const verdict = line.reached === undefined ? '' : line.reached ? ': reached' : ': MISSED';
  return row(
    line.case,
    line.against,
    format(line.theirs),
    format(line.servery),
    `${line.ratio.toFixed(2)} (${spread})`,
    `${Math.round(line.drift * 100)} %`,
    line.theirErrors === 0 ? String(line.errors) : `${line.errors}/${line.theirErrors}`,
    line.goal + verdict,
  );
}

function row(name: string, ...cells: readonly string[]): string {
  const [against = '', theirs = '', servery = '', ratio = '', drift = '', errors = '', goal = ''] = cells;
  return [
    name.padEnd(58),
    against.padEnd(22),
    theirs.padStart(9),
    servery.padStart(9),
    ratio.padEnd(21),
    drift.padStart(5),
    errors.padStart(6),
    goal,
  ]
    .join('  ')
    .trimEnd();
}

export function format(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString('en') : value.toFixed(3);
}

export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? NaN;
}

function mean(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0) / values.length;
}

function spreadOf(values: readonly number[]): number {
  return Math.max(...values) - Math.min(...values);
}

function sum<T>(values: Iterable<T>, figure: (value: T) => number): number {
  return Array.from(values, figure).reduce((total, value) => total + value, 0);
}
