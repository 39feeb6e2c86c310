/** Which list of InferTensorContents holds a datatype: one table for both directions. */
import type { Datatype } from '../../core/tensor.ts';

/** By field number. */
export const FIELD_NAME: readonly (string | undefined)[] = [
  undefined,
  'bool_contents',
  'int_contents',
  'int64_contents',
  'uint_contents',
  'uint64_contents',
  'fp32_contents',
  'fp64_contents',
  'bytes_contents',
];

/** FP16 has none: it travels raw. */
export const CONTENTS_FIELD: Readonly<Partial<Record<Datatype, number>>> = {
  BOOL: 1,
  INT8: 2,
  INT16: 2,
  INT32: 2,
  INT64: 3,
  UINT8: 4,
  UINT16: 4,
  UINT32: 4,
  UINT64: 5,
  FP32: 6,
  FP64: 7,
  BYTES: 8,
};

interface IntegerRange {
  readonly min: number;
  readonly max: number;
  readonly isSigned: boolean;
}

/** What fits, of the integers that travel as 32 bits. */
export const INTEGER_RANGE: Readonly<Partial<Record<Datatype, IntegerRange>>> = {
  INT8: { min: -(2 ** 7), max: 2 ** 7 - 1, isSigned: true },
  INT16: { min: -(2 ** 15), max: 2 ** 15 - 1, isSigned: true },
  INT32: { min: -(2 ** 31), max: 2 ** 31 - 1, isSigned: true },
  UINT8: { min: 0, max: 2 ** 8 - 1, isSigned: false },
  UINT16: { min: 0, max: 2 ** 16 - 1, isSigned: false },
  UINT32: { min: 0, max: 2 ** 32 - 1, isSigned: false },
};
