/**
 * Values without an axis for inputs of one value a row.
 *
 * A SavedModel takes a scalar where its signature says `[-1]`, and answers with scalars; TensorFlow Serving's own
 * clients ask so. Here such a question has one row.
 */
import type { Signature } from '../../core/signature.ts';
import type { NamedTensor, Tensor } from '../../core/tensor.ts';

export interface ScalarRows {
  readonly tensors: readonly NamedTensor[];
  /** The answer in the form of the question. */
  readonly restore: (outputs: readonly Tensor[]) => readonly Tensor[];
}

export function scalarsAsRows({ inputs, batched }: Signature, tensors: readonly NamedTensor[]): ScalarRows {
  const areScalars =
    batched &&
    tensors.length > 0 &&
    tensors.every(({ shape }) => shape.length === 0) &&
    inputs.every(({ shape }) => shape.length === 1);
  if (!areScalars) return { tensors, restore: (outputs) => outputs };
  return {
    tensors: tensors.map((tensor) => ({ ...tensor, shape: [1] })),
    restore: (outputs) =>
      outputs.map((output) => (output.shape.join() === '1' ? { ...output, shape: [] as readonly number[] } : output)),
  };
}
