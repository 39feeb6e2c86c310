/** Figures that are held against a bound, where there is nothing to compare with. */
import { format, textOf, type Line } from './table.ts';

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

/** A row of a table that has both. */
export function printRow(row: Line | Figure): void {
  if ('bound' in row) printFigure(row);
  else console.log(textOf(row));
}
