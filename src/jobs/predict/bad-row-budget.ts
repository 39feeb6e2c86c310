/** How many bad rows a run may have, looked at while it goes on: a wrong file should not be read to its end. */
import { ServeryError } from '../../core/errors.ts';
import type { PredictOptions } from './options.ts';

/**
 * @param isOver the rows are all there are
 * @throws {ServeryError} `TOO_MANY_BAD_ROWS`
 */
export function checkBudget(
  {
    maxBadRows = Infinity,
    maxBadRowRate = 1,
    minRowsForRate,
  }: Pick<PredictOptions, 'maxBadRows' | 'maxBadRowRate' | 'minRowsForRate'>,
  rows: number,
  badRows: number,
  isOver: boolean,
): void {
  if (badRows > maxBadRows) {
    throw new ServeryError('TOO_MANY_BAD_ROWS', `${badRows} of ${rows} rows are bad, and maxBadRows is ${maxBadRows}`);
  }
  const isSample = isOver || rows >= minRowsForRate;
  if (isSample && rows > 0 && badRows / rows > maxBadRowRate) {
    throw new ServeryError(
      'TOO_MANY_BAD_ROWS',
      `${badRows} of ${rows} rows are bad, and maxBadRowRate is ${maxBadRowRate}`,
    );
  }
}
