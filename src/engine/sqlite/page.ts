/** One page of a list that is ordered by a number. */
import { ServeryError } from '../../core/errors.ts';
import type { Page, PageQuery } from '../engine.ts';

const LARGEST_PAGE = 1000;

/** @param rows one more than the page holds, when there are more */
export function page<Row, T>(
  rows: readonly Row[],
  { limit }: PageQuery,
  position: (row: Row) => number,
  toItem: (row: Row) => T,
): Page<T> {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  return {
    items: shown.map(toItem),
    next: rows.length > limit && last !== undefined ? String(position(last)) : undefined,
  };
}

/** @throws {ServeryError} `INVALID_REQUEST` */
export function checkPage({ limit, after }: PageQuery): void {
  if (!Number.isInteger(limit) || limit < 1 || limit > LARGEST_PAGE) {
    throw new ServeryError('INVALID_REQUEST', `Cannot list: \`limit\` is ${limit}, expected 1 to ${LARGEST_PAGE}`);
  }
  if (after !== undefined && !/^[0-9]{1,15}$/.test(after)) {
    throw new ServeryError('INVALID_REQUEST', 'Cannot list: `after` is not the `next` of an earlier page');
  }
}
