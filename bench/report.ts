/** Lines of a bench: Servery beside its floor, as a ratio with its spread; printed, and kept as JSON. */
import { mkdir, writeFile } from 'node:fs/promises';
import { availableParallelism, cpus } from 'node:os';

export interface Line {
  readonly case: string;
  readonly floor: string;
  readonly servery: string;
  /** Median of the repetitions. */
  readonly ratio: number;
  readonly spread: readonly [number, number];
  readonly errors: number;
  readonly goal: string;
}

export function printHeader(): void {
  console.log(textOf({ case: 'CASE', floor: 'FLOOR', servery: 'SERVERY', goal: 'GOAL' }));
}

export function printLine(line: Line): void {
  console.log(textOf(line));
}

export function lineOf<T>(
  name: string,
  pairs: readonly { readonly floor: T; readonly ours: T }[],
  figure: (value: T) => number,
  { errors, goal }: { readonly errors: number; readonly goal: string },
): Line {
  const ratios = pairs.map(({ floor, ours }) => figure(ours) / figure(floor)).sort((a, b) => a - b);
  return {
    case: name,
    floor: format(median(pairs.map(({ floor }) => figure(floor)))),
    servery: format(median(pairs.map(({ ours }) => figure(ours)))),
    ratio: ratios[ratios.length >> 1]!,
    spread: [ratios[0]!, ratios.at(-1)!],
    errors,
    goal,
  };
}

function format(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString('en') : value.toFixed(3);
}

function textOf(line: Partial<Line> & Pick<Line, 'case' | 'floor' | 'servery' | 'goal'>): string {
  const ratio =
    line.ratio === undefined
      ? 'RATIO (SPREAD)'
      : `${line.ratio.toFixed(2)} (${line.spread!.map((r) => r.toFixed(2)).join(' to ')})`;
  const errors = line.errors === undefined ? 'ERRORS' : String(line.errors);
  return [
    line.case.padEnd(58),
    line.floor.padStart(10),
    line.servery.padStart(10),
    ratio.padEnd(22),
    errors.padStart(6),
    line.goal,
  ].join('  ');
}

/** Keeps the lines of a bench, whatever they hold, in bench/.results. */
export async function save(
  bench: string,
  lines: readonly object[],
  options: Readonly<Record<string, unknown>>,
): Promise<void> {
  const folder = new URL('.results/', import.meta.url);
  await mkdir(folder, { recursive: true });
  await writeFile(new URL('.gitignore', folder), '*\n');
  const machine = { cpu: cpus()[0]?.model, cores: availableParallelism(), node: process.version };
  const file = new URL(`${bench}.json`, folder);
  await writeFile(file, JSON.stringify({ at: new Date().toISOString(), machine, ...options, lines }, null, 2));
  console.log(`\nWritten to ${file.pathname}`);
}

/** A figure that is held against a bound, where there is no floor to compare with. */
export interface Figure {
  readonly case: string;
  readonly value: number;
  /** It should be below this. */
  readonly bound: number;
}

export function figureOf(name: string, value: number, bound: number): Figure {
  return { case: name, value, bound };
}

export function printFigure({ case: name, value, bound }: Figure): void {
  const verdict = value < bound ? 'reached' : 'MISSED';
  console.log(`${name.padEnd(58)}  ${format(value).padStart(10)}  below ${bound}: ${verdict}`);
}

export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? NaN;
}
