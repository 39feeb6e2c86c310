/**
 * One type for a column that several files have with different ones.
 *
 * Files of one data set often differ: an integer column gets floats in the file where a value is missing. What can
 * hold the values of both without loss is taken; where nothing can, the run is refused with both names.
 */
import type { ColumnType } from '../core/columns.ts';
import { ServeryError, quote } from '../core/errors.ts';
import { isFloat, isInteger, selectColumn, storageType, type SelectedColumn } from './column-types.ts';
import type { PlannedColumn, WantedColumn } from './input.ts';

/** @throws {ServeryError} `DATA_INVALID` */
export function commonColumn(
  before: PlannedColumn | undefined,
  next: PlannedColumn,
  wanted: WantedColumn,
  source: string,
): PlannedColumn {
  if (before === undefined || isSame(before, next)) return next;
  const { name } = next;
  if (before.type === 'OTHER' && next.type === 'OTHER') return { name, type: 'OTHER' };
  const isNumeric = [before, next].every(({ type }) => isInteger(type) || isFloat(type));
  const type = isNumeric ? commonNumber(before.type, next.type, isFloat(wanted.as)) : undefined;
  if (type !== undefined) return { name, type };
  throw new ServeryError(
    'DATA_INVALID',
    `Cannot read the column ${quote(name)}: it is ${next.type} in ${quote(source)} and ${before.type} before`,
    { hint: 'Let `input.path` match files of one kind.' },
  );
}

function isSame(a: PlannedColumn, b: PlannedColumn): boolean {
  return (
    a.type === b.type && a.sqlType === b.sqlType && a.list?.item === b.list?.item && a.list?.depth === b.list?.depth
  );
}

/** @param asFloat the model takes floats anyway */
function commonNumber(a: ColumnType, b: ColumnType, asFloat: boolean): ColumnType | undefined {
  if (isFloat(a) && isFloat(b)) return 'FP64';
  if (isInteger(a) && isInteger(b)) return [a, b].includes('UINT64') ? undefined : 'INT64';
  const integer = isInteger(a) ? a : b;
  return asFloat || !integer.endsWith('64') ? 'FP64' : undefined;
}

/** The expression that gives a column of a file in the form that was planned. */
export function selectAs(planned: PlannedColumn, sqlType: string, source: string): SelectedColumn {
  // Decimals were planned as floats or integers only where those are wanted.
  const own = selectColumn(planned.name, sqlType, source, planned.type);
  if (own.type === planned.type) return { ...planned, sql: own.sql };
  return { ...planned, sql: `CAST(${own.sql} AS ${storageType(planned)})` };
}
