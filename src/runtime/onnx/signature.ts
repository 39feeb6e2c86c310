/**
 * What an ONNX model takes and gives, read from its graph; where the graph leaves it open, from trial runs.
 */
import { ServeryError, quote } from '../../core/errors.ts';
import type { Signature, TensorSpec } from '../../core/signature.ts';
import { allocate, elementCount, type Datatype, type Tensor } from '../../core/tensor.ts';
import { classLabels } from './class-labels.ts';
import { datatypeOf, elementTypeName } from './datatypes.ts';
import type { OnnxAxis, OnnxModel, OnnxValue } from './model-proto.ts';

/** Runs the model once; undefined when it does not accept these inputs. */
export type Trial = (inputs: readonly Tensor[]) => readonly (readonly number[])[] | undefined;

export interface ReadSignature {
  readonly signature: Signature;
  readonly notes: readonly string[];
}

interface Declared {
  readonly name: string;
  readonly datatype: Datatype;
  readonly shape: readonly OnnxAxis[] | undefined;
}

/** Two sizes for each free axis: an axis of an output that does not follow them is fixed. */
const FREE_SIZES = [
  [1, 2],
  [8, 16],
  [32, 48],
  [224, 256],
] as const;
const TRIAL_ROWS = [2, 3] as const;

/** @throws {ServeryError} `MODEL_INVALID` when a tensor has no form that Servery can serve */
export function readSignature({ graph }: OnnxModel, trial: Trial): ReadSignature {
  const inputs = graph.inputs
    .filter(({ name }) => !graph.initializers.has(name))
    .map((value) => declared('input', value));
  const outputs = graph.outputs.map((value) => declared('output', value));
  const notes: string[] = [];
  const optional = graph.inputs.filter(({ name }) => graph.initializers.has(name)).length;
  if (optional > 0) notes.push(`inputs: ${optional} with a value of their own in the artifact are not asked for`);

  const symbol = rowsSymbol(inputs);
  const isOpen = ({ shape }: Declared) => shape === undefined || shape.some((axis) => typeof axis !== 'number');
  const isKnown = ({ shape }: Declared) =>
    shape?.every((axis, i) => typeof axis === 'number' || (i === 0 && axis !== null && axis === symbol));
  const observed = outputs.every((output) => !isOpen(output) || isKnown(output))
    ? undefined
    : observe(inputs, symbol, trial);

  const batched = isBatched(inputs, outputs, symbol, observed, notes);
  const specs = outputs.map((output, i): TensorSpec => {
    const shape = learned(
      output,
      batched,
      observed?.map((shapes) => shapes[i]!),
    );
    return { name: output.name, datatype: output.datatype, shape };
  });
  const labels = classLabels(graph);
  if (labels !== undefined) notes.push(`classes: ${labels.length}, named in the artifact`);
  const signature: Signature = {
    inputs: inputs.map(inputSpec),
    outputs: specs.map((spec) => (labels !== undefined && isByClass(spec, labels) ? { ...spec, labels } : spec)),
    batched,
  };
  return { signature, notes };
}

function declared(side: 'input' | 'output', { name, type }: OnnxValue): Declared {
  const refuse = (problem: string, hint: string) =>
    new ServeryError('MODEL_INVALID', `Cannot serve ${side} ${quote(name)}: ${problem}`, { hint });
  if (type.kind !== 'tensor') {
    throw refuse(`it is a ${type.kind} and not a tensor`, 'Export the model so that it takes and gives tensors.');
  }
  const datatype = datatypeOf(type.elementType);
  if (datatype === undefined) {
    const name = elementTypeName(type.elementType);
    throw refuse(`the protocols have no datatype ${name}`, 'Cast it to FP32 in the graph.');
  }
  if (side === 'input' && type.shape === undefined) {
    throw refuse('the artifact does not say how many axes it has', 'Export the model with the shapes of its inputs.');
  }
  return { name, datatype, shape: type.shape };
}

function inputSpec({ name, datatype, shape }: Declared): TensorSpec {
  const sizes = shape!.map((axis) => (typeof axis === 'number' ? axis : null));
  return { name, datatype, shape: sizes, ...(datatype === 'BYTES' ? { text: true } : {}) };
}

/** The name of axis 0 of all inputs: undefined when it cannot count rows, null when none of them names it. */
function rowsSymbol(inputs: readonly Declared[]): string | null | undefined {
  if (inputs.length === 0) return undefined;
  let symbol: string | null = null;
  for (const { shape } of inputs) {
    const axis = shape![0];
    if (axis === undefined || typeof axis === 'number') return undefined;
    if (axis === null) continue;
    if (symbol !== null && symbol !== axis) return undefined;
    symbol = axis;
  }
  return symbol;
}

function observe(
  inputs: readonly Declared[],
  symbol: string | null | undefined,
  trial: Trial,
): readonly (readonly (readonly number[])[])[] | undefined {
  for (const sizes of FREE_SIZES) {
    const runs = TRIAL_ROWS.map((rows, i) =>
      trial(inputs.map((input) => zeros(input, symbol === undefined ? sizes[i]! : rows, sizes[i]!))),
    );
    if (runs.every((shapes) => shapes !== undefined)) return runs;
    if (inputs.every(({ shape }) => shape!.slice(1).every((axis) => typeof axis === 'number'))) return undefined;
  }
  return undefined;
}

function zeros({ datatype, shape: axes }: Declared, rows: number, size: number): Tensor {
  const shape = axes!.map((axis, i) => (typeof axis === 'number' ? axis : i === 0 ? rows : size));
  const count = elementCount(shape);
  const data = datatype === 'BYTES' ? new Array<string>(count).fill('') : allocate(datatype, count);
  return { datatype, shape, data };
}

function isBatched(
  inputs: readonly Declared[],
  outputs: readonly Declared[],
  symbol: string | null | undefined,
  observed: readonly (readonly (readonly number[])[])[] | undefined,
  notes: string[],
): boolean {
  const not = (why: string) => {
    notes.push(`not batched: ${why}`);
    return false;
  };
  if (inputs.length === 0) return not('it has no inputs');
  if (symbol === undefined) return not('axis 0 of the inputs does not count their rows');
  for (const [i, { name, shape }] of outputs.entries()) {
    const axis = shape === undefined ? null : shape[0];
    if (axis === undefined || typeof axis === 'number') return not(`axis 0 of output ${quote(name)} has a fixed size`);
    if (axis !== null && axis === symbol) continue; // said by the artifact; a wrong number of rows shows at the first run
    const follows = observed?.every((shapes, run) => shapes[i]![0] === TRIAL_ROWS[run]);
    if (follows === false) return not(`axis 0 of output ${quote(name)} does not follow the rows`);
  }
  notes.push(`batched: axis 0${symbol === null ? '' : ` (${quote(symbol)})`} counts rows`);
  return true;
}

/** The declared shape, with what the runs showed where it is open. */
function learned(
  { name, shape }: Declared,
  batched: boolean,
  runs: readonly (readonly number[])[] | undefined,
): (number | null)[] {
  const [a, b] = runs ?? [];
  const seen = a?.length === b?.length ? a : undefined;
  if (shape === undefined && seen === undefined) {
    throw new ServeryError(
      'MODEL_INVALID',
      `Cannot serve output ${quote(name)}: the artifact does not give its shape`,
      {
        hint: 'Export the model with the shapes of its outputs, or run shape inference on it.',
      },
    );
  }
  return (shape ?? seen!.map(() => null)).map((axis, i) => {
    if (typeof axis === 'number') return axis;
    if (batched && i === 0) return null;
    // An axis that is empty for zeros may be longer for real values.
    const size = seen?.length === (shape ?? seen)?.length ? seen?.[i] : undefined;
    return size !== undefined && size > 0 && size === b?.[i] ? size : null;
  });
}

function isByClass({ datatype, shape }: TensorSpec, labels: readonly string[]): boolean {
  return datatype.startsWith('FP') && shape.length === 2 && shape[1] === labels.length;
}
