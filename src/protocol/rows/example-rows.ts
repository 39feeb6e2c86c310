/** Rows that fit a signature, made of nothing: for documentation and warm-up where no real ones are given. */
import type { Signature } from '../../core/signature.ts';
import type { Datatype } from '../../core/tensor.ts';
import { rowPlan } from './input-plan.ts';

/**
 * The same at every call.
 *
 * @param freeAxisSize size of axes that the signature leaves open
 */
export function exampleRows(signature: Signature, count: number, freeAxisSize = 1): Record<string, unknown>[] {
  const { inputs } = rowPlan(signature);
  return Array.from({ length: count }, (_, row) =>
    Object.fromEntries(
      inputs.flatMap(({ spec, rowShape, keys }): [string, unknown][] => {
        if (keys !== undefined) return keys.map((key, i) => [key, exampleValue(spec.datatype, row + i)]);
        const shape = rowShape.map((size) => size ?? freeAxisSize);
        return [[spec.name, exampleList(spec.datatype, shape, row)]];
      }),
    ),
  );
}

function exampleList(datatype: Datatype, shape: readonly number[], seed: number): unknown {
  const [size, ...inner] = shape;
  if (size === undefined) return exampleValue(datatype, seed);
  return Array.from({ length: size }, (_, i) => exampleList(datatype, inner, seed + i));
}

/** Small and never negative, so that it is also an index that any table has, or nearly any. */
function exampleValue(datatype: Datatype, seed: number): unknown {
  switch (datatype) {
    case 'BOOL':
      return seed % 2 === 0;
    case 'BYTES':
      return 'text';
    case 'FP16':
    case 'FP32':
    case 'FP64':
      return ((seed % 8) + 1) / 8; // exact in every precision
    default:
      return seed % 2;
  }
}
