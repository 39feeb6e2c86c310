/**
 * How the outputs of a signature become the columns of a row. With labels, a class index reads as its
 * name, and one value for each class as a column of its own: `probabilities.setosa`.
 */
import type { Signature, TensorSpec } from '../../core/signature.ts';
import { elementCount, type Tensor } from '../../core/tensor.ts';

export interface Column {
  readonly name: string;
  /** Position of the output it is read from. */
  readonly output: number;
  readonly spec: TensorSpec;
  /** Shape of its value in one row; `[]` is a single one. */
  readonly shape: readonly number[];
  /** Elements of a row of the output, and where in it the column begins. */
  readonly step: number;
  readonly offset: number;
  /** Values are class indices, to be read by these names. */
  readonly labels: readonly string[] | undefined;
}

/** Columns by signature: `[without, with]` labels. Only where the shape of a row is always the same. */
const known = new WeakMap<Signature, [readonly Column[] | undefined, readonly Column[] | undefined]>();

export function columnsOf(signature: Signature, outputs: readonly Tensor[], labels: boolean): readonly Column[] {
  let kept = known.get(signature);
  if (kept === undefined) known.set(signature, (kept = [undefined, undefined]));
  const i = labels ? 1 : 0;
  if (kept[i] !== undefined) return kept[i];
  const columns = outputs.flatMap((tensor, output) => {
    const shape = signature.batched ? tensor.shape.slice(1) : tensor.shape;
    return columnsOfOutput(signature.outputs[output]!, output, shape, labels);
  });
  const isFixed = signature.outputs.every(({ shape }) => !shape.slice(signature.batched ? 1 : 0).includes(null));
  if (isFixed) kept[i] = columns;
  return columns;
}

function columnsOfOutput(spec: TensorSpec, output: number, shape: readonly number[], withLabels: boolean): Column[] {
  const { name, datatype } = spec;
  const step = elementCount(shape);
  const whole: Column = { name, output, spec, shape, step, offset: 0, labels: undefined };
  const labels = withLabels ? spec.labels : undefined;
  if (labels === undefined) return [whole];
  if (shape.length === 1 && shape[0] === labels.length) {
    return labels.map((label, offset) => ({ ...whole, name: `${name}.${label}`, shape: [], offset }));
  }
  return [datatype.startsWith('INT') || datatype.startsWith('UINT') ? { ...whole, labels } : whole];
}
