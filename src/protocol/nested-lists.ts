/**
 * Lists that hold the values of a tensor: flat, or nested like its shape.
 *
 * Axes of size 1 may be left out of the nesting or added to it (`[[1, 2]]` for shape [2]), as clients do
 * both and neither can be misread. Any other nesting has to be that of the shape: a list of 2 × 3 for shape
 * [3, 2] is a mistake, though the number of values is right.
 */
import { formatShape } from '../core/signature.ts';
import type { Datatype } from '../core/tensor.ts';
import { nestingExceeded } from './json.ts';
import { STRICT_FLOATS, fill, isList, type FloatRules, type ValueList, type WritableData } from './values-in.ts';

/** Why a list does not fit: a single value, or the whole form. */
export type Misfit = { readonly element: number; readonly value: unknown } | { readonly problem: string };

/**
 * Writes the `count` values of `list` to `target`, from `offset` on.
 *
 * @param count product of `shape`
 * @throws {ServeryError} `INVALID_REQUEST` when the nesting is beyond `maxNesting`
 */
export function fillFrom(
  list: ValueList,
  shape: readonly number[],
  count: number,
  datatype: Datatype,
  target: WritableData,
  offset: number,
  maxNesting: number,
  rules: FloatRules = STRICT_FLOATS,
): Misfit | undefined {
  if (isList(list[0])) {
    const filler = new Filler(shape, datatype, target, offset, maxNesting, rules);
    return filler.visit(list, 0, 1);
  }
  if (list.length !== count) {
    return { problem: `it has ${list.length} values, and shape ${formatShape(shape)} takes ${count}` };
  }
  const element = fill(datatype, target, offset, list, rules);
  return element === -1 ? undefined : { element, value: list[element] };
}

class Filler {
  readonly #sizes: readonly number[];
  readonly #shape: readonly number[];
  readonly #datatype: Datatype;
  readonly #target: WritableData;
  readonly #offset: number;
  readonly #maxNesting: number;
  readonly #rules: FloatRules;
  #filled = 0;

  constructor(
    shape: readonly number[],
    datatype: Datatype,
    target: WritableData,
    offset: number,
    maxNesting: number,
    rules: FloatRules,
  ) {
    this.#shape = shape;
    this.#sizes = shape.filter((size) => size !== 1);
    this.#datatype = datatype;
    this.#target = target;
    this.#offset = offset;
    this.#maxNesting = maxNesting;
    this.#rules = rules;
  }

  /** @param axis how many of the sizes are used up by the levels above */
  visit(list: ValueList, axis: number, depth: number): Misfit | undefined {
    if (depth > this.#maxNesting) throw nestingExceeded(this.#maxNesting);
    if (list.length !== 1) {
      if (list.length !== this.#sizes[axis]) return this.#wrongForm();
      axis += 1;
    }
    if (!isList(list[0])) {
      if (axis !== this.#sizes.length && list.length > 0) return this.#wrongForm();
      const element = fill(this.#datatype, this.#target, this.#offset + this.#filled, list, this.#rules);
      if (element !== -1) return { element: this.#filled + element, value: list[element] };
      this.#filled += list.length;
      return undefined;
    }
    for (let i = 0; i < list.length; i += 1) {
      const item = list[i];
      if (!isList(item)) return this.#wrongForm();
      const misfit = this.visit(item, axis, depth + 1);
      if (misfit !== undefined) return misfit;
    }
    return undefined;
  }

  #wrongForm(): Misfit {
    return { problem: `its lists are not nested as shape ${formatShape(this.#shape)} says` };
  }
}

/** The shape that a regular nest of lists has, by its first items. */
export function shapeOfNest(list: ValueList, maxNesting: number): number[] {
  const shape: number[] = [];
  let level: unknown = list;
  while (isList(level)) {
    if (shape.length >= maxNesting) throw nestingExceeded(maxNesting);
    shape.push(level.length);
    level = level[0];
  }
  return shape;
}
