/** Datatype and shape of an input as JSON says them, which is anything at all. */
import { ServeryError, invalidInput, quote } from '../../core/errors.ts';
import { isDatatype, type Datatype } from '../../core/tensor.ts';
import type { DecodeLimits } from '../json.ts';

export function readDatatype(name: string, value: unknown): Datatype {
  if (isDatatype(value)) return value;
  if (value === 'BF16') {
    throw new ServeryError('UNSUPPORTED', `Cannot use input ${quote(name)}: BF16 is not supported`, {
      hint: 'Send it as FP32.',
    });
  }
  throw invalidInput(name, 'its "datatype" is missing, or none of the protocol');
}

/** Product of the sizes of a shape, known to be a number that can be counted on. */
export function countElements(name: string, shape: unknown, { maxElements, maxNesting }: DecodeLimits): number {
  if (!Array.isArray(shape)) throw invalidInput(name, 'its "shape" is missing, or no list');
  if (shape.length > maxNesting) throw invalidInput(name, `its shape has more than ${maxNesting} axes`);
  let count = 1;
  let countWithoutZeros = 1; // so that [0, 2^60] is refused as well
  for (const size of shape as unknown[]) {
    if (typeof size !== 'number' || !Number.isSafeInteger(size)) {
      throw invalidInput(name, 'its shape has a size that is not an integer');
    }
    if (size < 0 || Object.is(size, -0)) throw invalidInput(name, 'its shape has a negative size');
    count *= size;
    countWithoutZeros *= size || 1;
    if (countWithoutZeros > maxElements) {
      const problem = `its shape causes total element count to exceed maximum size of ${maxElements}`;
      throw invalidInput(name, `byte size overflow for input: ${problem}`);
    }
  }
  return count;
}
