/**
 * The `parameters` of a request, its inputs and its outputs: which the protocol itself reads, which the
 * model gets, and which ask for something that Servery does not do.
 */
import { ServeryError, quote } from '../../core/errors.ts';
import { isJsonObject } from '../json.ts';
import type { ParameterValue } from './infer-types.ts';

export type Parameters = Readonly<Record<string, ParameterValue>>;

export const NO_PARAMETERS: Parameters = Object.freeze({});

/** @param of whose they are, for the message */
export function readParameters(value: unknown, of: string): Parameters {
  if (!isJsonObject(value)) {
    throw new ServeryError('INVALID_REQUEST', `Cannot read the parameters of ${of}: expected an object`);
  }
  for (const key in value) {
    const kind = typeof value[key];
    if (kind === 'string' || kind === 'number' || kind === 'boolean' || kind === 'bigint') continue;
    const problem = `parameter ${quote(key)} is neither a string, a number nor a boolean`;
    throw new ServeryError('INVALID_REQUEST', `Cannot read the parameters of ${of}: ${problem}`);
  }
  return value as Parameters;
}

export interface RequestParameters {
  /** What is left for the model. */
  readonly parameters: Parameters;
  readonly timeoutUs: number | undefined;
  readonly binaryDefault: boolean;
}

/**
 * Sorts the parameters of a whole request. `priority` is checked and has no effect, as there is one queue.
 *
 * @throws {ServeryError} `INVALID_REQUEST`; `UNSUPPORTED` for sequences
 */
export function sortRequestParameters(all: Parameters): RequestParameters {
  let timeoutUs: number | undefined;
  let binaryDefault = false;
  const rest: [string, ParameterValue][] = [];
  for (const [key, value] of Object.entries(all)) {
    switch (key) {
      case 'timeout':
        timeoutUs = wholeNumber(key, value) || undefined;
        break;
      case 'priority':
        wholeNumber(key, value);
        break;
      case 'binary_data_output':
        binaryDefault = readFlag(key, value);
        break;
      case 'sequence_id':
      case 'sequence_start':
      case 'sequence_end':
        // Some clients always send them; these values mean "no sequence".
        if (value === 0 || value === '' || value === false || value === 0n) break;
        throw new ServeryError('UNSUPPORTED', 'Cannot run a sequence: models here keep no state between requests', {
          hint: 'Leave the sequence_* parameters out.',
        });
      default:
        rest.push([key, value]);
    }
  }
  return { parameters: rest.length === 0 ? NO_PARAMETERS : Object.fromEntries(rest), timeoutUs, binaryDefault };
}

export function refuseSharedMemory(parameters: Parameters): void {
  if (!Object.hasOwn(parameters, 'shared_memory_region')) return;
  throw new ServeryError('UNSUPPORTED', 'Cannot use shared memory regions: tensors travel in the body', {
    hint: 'Send the tensor as binary data.',
  });
}

export function readFlag(key: string, value: ParameterValue): boolean {
  if (typeof value === 'boolean') return value;
  throw new ServeryError('INVALID_REQUEST', `Cannot use parameter ${quote(key)}: expected true or false`);
}

/** From 0 on. */
export function wholeNumber(key: string, value: ParameterValue): number {
  const number = typeof value === 'bigint' ? Number(value) : value;
  if (typeof number === 'number' && Number.isInteger(number) && number >= 0) return number;
  throw new ServeryError('INVALID_REQUEST', `Cannot use parameter ${quote(key)}: expected an integer from 0 on`);
}
