/** The parameters of a call, held against those that `MLmodel` declares. A graph has none: they are only checked. */
import { quote } from '../../core/errors.ts';
import type { ParamHint } from '../../core/model.ts';
import { kindOf } from './numpy-values.ts';
import { WholeFloat, isRecord, pythonText } from './python-json.ts';
import { readDateTime } from './python-time.ts';
import { badParams } from './scoring-failure.ts';

/**
 * @param params as Python reads them
 * @throws {ServeryError} `INVALID_REQUEST`
 */
export function checkParams(params: unknown, declared: readonly ParamHint[]): void {
  if (params === undefined || params === null) return;
  if (!isRecord(params)) {
    throw badParams(`Parameters must be a dictionary. Got type ${kindOf(params)}.`);
  }
  const wrong: string[] = [];
  for (const param of declared) {
    if (!Object.hasOwn(params, param.name)) continue; // it has a default
    const value = params[param.name];
    const { name, type, isList } = param;
    const shape = isList ? ' (shape: (-1,))' : '';
    const spec = `${quoted(name)}: ${quote(type).slice(1, -1)} (default: ${defaultText(param)})${shape}`;
    const problem =
      isList && dimensionsOf(value) !== 1
        ? `Value must be a 1D array with shape (-1,) for param ${spec}, received ${kindOf(value).slice(1, -1)} with ` +
          `ndim ${dimensionsOf(value)}`
        : problemOf(value, param, spec);
    if (problem !== undefined) wrong.push(`(${quoted(name)}, "${problem}")`);
  }
  if (wrong.length > 0) throw badParams(`Invalid parameters found: {${wrong.join(', ')}}`);
}

/** JSON does not say that a float is one. */
function defaultText({ type, default: value }: ParamHint): string {
  const isFloat = type === 'double' || type === 'float';
  const asFloat = (item: unknown) => (isFloat && typeof item === 'number' ? new WholeFloat(item) : item);
  if (type === 'datetime' && typeof value === 'string') return value.replace('T', ' ');
  return pythonText(Array.isArray(value) ? value.map(asFloat) : asFloat(value));
}

function dimensionsOf(value: unknown): number {
  return Array.isArray(value) ? 1 + dimensionsOf(value[0]) : 0;
}

function problemOf(value: unknown, { type, isList }: ParamHint, spec: string): string | undefined {
  const items = isList ? (value as unknown[]) : [value];
  const found = items.map((item) => scalarProblem(item, type)).find((problem) => problem !== undefined);
  return found && `Failed to validate type and shape for ${spec}, error: ${found}`;
}

function scalarProblem(value: unknown, type: string): string | undefined {
  if (value === null || !Object.hasOwn(ACCEPTS, type)) return undefined;
  if (ACCEPTS[type]!(value)) return undefined;
  const what = type === 'datetime' ? 'Failed to convert value from type' : 'Can not safely convert';
  return `${what} \`<class ${kindOf(value)}>\` to \`DataType.${type}\``;
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
