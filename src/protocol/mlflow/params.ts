/** The parameters of a call, held against those that `MLmodel` declares. A graph has none: they are only checked. */
import { ServeryError, quote } from '../../core/errors.ts';
import type { ParamHint } from '../../core/model.ts';
import { kindOf } from './numpy-values.ts';
import { WholeFloat, isRecord, pythonRepr } from './python-json.ts';
import { readDateTime } from './python-time.ts';

/** How its message begins, by which the failure is known: it is of a class of its own. */
export const BAD_PARAMS = 'Failed to predict data. \nError: ';

/**
 * @param params as Python reads them
 * @throws {ServeryError} `INVALID_REQUEST`
 */
export function checkParams(params: unknown, declared: readonly ParamHint[]): void {
  if (params === undefined || params === null) return;
  if (!isRecord(params)) {
    throw bad(`Parameters must be a dictionary. Got type ${kindOf(params)}.`);
  }
  const wrong: string[] = [];
  for (const param of declared) {
    if (!Object.hasOwn(params, param.name)) continue; // it has a default
    const problem = problemOf(params[param.name], param);
    if (problem === undefined) continue;
    const { name, type, default: value, isList } = param;
    const shape = isList ? ' (shape: (-1,))' : '';
    const spec = `${quoted(name)}: ${quote(type).slice(1, -1)} (default: ${pythonRepr(value)})${shape}`;
    wrong.push(`(${quoted(name)}, "Failed to validate type and shape for ${spec}, error: ${problem}")`);
  }
  if (wrong.length > 0) throw bad(`Invalid parameters found: {${wrong.join(', ')}}`);
}

function problemOf(value: unknown, { type, isList }: ParamHint): string | undefined {
  if (!isList) return scalarProblem(value, type);
  if (!Array.isArray(value)) return 'Value must be a 1D array with shape (-1,)';
  return value.map((item) => scalarProblem(item, type)).find((problem) => problem !== undefined);
}

function scalarProblem(value: unknown, type: string): string | undefined {
  if (value === null || !Object.hasOwn(ACCEPTS, type)) return undefined;
  if (ACCEPTS[type]!(value)) return undefined;
  return `Can not safely convert \`<class ${kindOf(value)}>\` to \`${type}\``;
}

const isInteger = (value: unknown) => typeof value === 'bigint' || Number.isInteger(value);
const isNumber = (value: unknown) =>
  typeof value === 'number' || typeof value === 'bigint' || value instanceof WholeFloat;

/** Types that MLflow may add some day accept everything here. */
const ACCEPTS: Readonly<Record<string, (value: unknown) => boolean>> = {
  boolean: (value) => typeof value === 'boolean',
  integer: isInteger,
  long: isInteger,
  float: isNumber,
  double: isNumber,
  string: (value) => typeof value === 'string',
  datetime: (value) => typeof value === 'string' && (value === 'NaT' || readDateTime(value) !== undefined),
};

function quoted(name: string): string {
  return `'${quote(name).slice(1, -1)}'`;
}

function bad(problem: string): ServeryError {
  return new ServeryError('INVALID_REQUEST', BAD_PARAMS + problem);
}
