/**
 * How a row maps to the inputs of a signature, worked out once for each signature.
 *
 * An input with one value a row takes the value of its name; one with k named features takes these, or a
 * list under its own name; any other takes a list under its name. A row that is a list has these in the
 * order of the signature; where the only input takes a list, the row is that list.
 */
import type { Signature, TensorSpec } from '../../core/signature.ts';

export interface InputPlan {
  readonly spec: TensorSpec;
  /** Shape of one row; `null` is an axis that the first row decides. */
  readonly rowShape: readonly (number | null)[];
  /** The keys that hold one value each; undefined when the input takes a list under its name. */
  readonly keys: readonly string[] | undefined;
  /** Where its values begin in a row that is a list. */
  readonly slot: number;
}

export interface RowPlan {
  readonly inputs: readonly InputPlan[];
  /** Values of a row that is a list; undefined when the row is the list of the only input. */
  readonly slots: number | undefined;
  /** Keys of an object row in which each value has its own. */
  readonly keys: ReadonlySet<string>;
  /** These, and the names under which lists may stand. */
  readonly knownKeys: ReadonlySet<string>;
  /** Some value may be left out, so the number of keys says nothing. */
  readonly allowsMissing: boolean;
}

const plans = new WeakMap<Signature, RowPlan>();

export function rowPlan(signature: Signature): RowPlan {
  let plan = plans.get(signature);
  if (plan === undefined) {
    plan = makePlan(signature);
    plans.set(signature, plan);
  }
  return plan;
}

function makePlan({ inputs, batched }: Signature): RowPlan {
  let slots = 0;
  const planned = inputs.map((spec): InputPlan => {
    const rowShape = batched ? spec.shape.slice(1) : spec.shape;
    const keys = keysOf(spec, rowShape);
    const slot = slots;
    slots += keys?.length ?? 1;
    return { spec, rowShape: keys === spec.features && keys !== undefined ? [keys.length] : rowShape, keys, slot };
  });
  const keys = new Set(planned.flatMap(({ spec, keys: own }) => own ?? [spec.name]));
  return {
    inputs: planned,
    slots: planned.length === 1 && planned[0]!.keys === undefined ? undefined : slots,
    keys,
    knownKeys: new Set([...keys, ...inputs.map(({ name }) => name)]),
    allowsMissing: inputs.some(({ missing }) => missing !== undefined),
  };
}

function keysOf({ name, features }: TensorSpec, rowShape: readonly (number | null)[]): readonly string[] | undefined {
  if (rowShape.length === 0) return [name];
  return rowShape.length === 1 ? features : undefined;
}
