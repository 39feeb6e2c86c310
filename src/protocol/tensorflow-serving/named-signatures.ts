/**
 * A signature by its name, as clients of TensorFlow Serving ask for one of several.
 *
 * A model runs with all of its inputs and gives all of its outputs; a named signature is a view of it, and what it
 * leaves out is filled in. Where a workspace names none, there is one: `serving_default`, the whole model.
 */
import { ServeryError } from '../../core/errors.ts';
import type { NamedSignature, Signature, TensorSpec } from '../../core/signature.ts';
import { elementCount, type NamedTensor, type Tensor } from '../../core/tensor.ts';
import { allocateData } from '../values-in.ts';

export const DEFAULT_SIGNATURE = 'serving_default';

const HALF_NAN = 0x7e00;

export interface SignatureView {
  readonly name: string;
  readonly method: NamedSignature['method'];
  /** Its own inputs and outputs, by its own names. */
  readonly signature: Signature;
  /** False for the whole model, which serves every method. */
  readonly isDeclared: boolean;
  /** What the model calls its inputs and outputs, in their order. */
  readonly tensorNames: { readonly inputs: readonly string[]; readonly outputs: readonly string[] };
  /** Its tensors as those of the model. */
  readonly complete: (tensors: readonly NamedTensor[]) => readonly NamedTensor[];
  /** Its outputs among those of the model. */
  readonly pick: (outputs: readonly Tensor[]) => readonly Tensor[];
}

/** @param name empty for the default; undefined when there is no such signature */
export function signatureView(whole: Signature, name: string): SignatureView | undefined {
  const wanted = name === '' ? DEFAULT_SIGNATURE : name;
  const { named = {} } = whole;
  if (Object.hasOwn(named, wanted)) return viewOf(whole, wanted, named[wanted]!);
  if (wanted !== DEFAULT_SIGNATURE) return undefined;
  return {
    name: wanted,
    method: 'predict',
    signature: whole,
    isDeclared: false,
    tensorNames: {
      inputs: whole.inputs.map(({ name: own }) => own),
      outputs: whole.outputs.map(({ name: own }) => own),
    },
    complete: (tensors) => tensors,
    pick: (outputs) => outputs,
  };
}

/** All of them, the default first where it is the whole model. */
export function signatureViews(whole: Signature): readonly SignatureView[] {
  const names = new Set([DEFAULT_SIGNATURE, ...Object.keys(whole.named ?? {})]);
  return [...names].map((name) => signatureView(whole, name)!);
}

function viewOf(whole: Signature, name: string, { method, inputs, outputs }: NamedSignature): SignatureView {
  const part = (specs: readonly TensorSpec[], names: Readonly<Record<string, string>>) =>
    Object.entries(names).map(([own, meant]) => ({ ...specs.find((spec) => spec.name === meant)!, name: own }));
  const signature: Signature = {
    inputs: part(whole.inputs, inputs),
    outputs: part(whole.outputs, outputs),
    batched: whole.batched,
  };
  const positions = Object.values(outputs).map((meant) => whole.outputs.findIndex((spec) => spec.name === meant));
  return {
    name,
    method,
    signature,
    isDeclared: true,
    tensorNames: { inputs: Object.values(inputs), outputs: Object.values(outputs) },
    complete: (tensors) => complete(whole, inputs, tensors),
    pick: (all) => positions.map((position) => all[position]!),
  };
}

function complete(
  whole: Signature,
  names: Readonly<Record<string, string>>,
  tensors: readonly NamedTensor[],
): readonly NamedTensor[] {
  const renamed = tensors.map((tensor) => {
    if (Object.hasOwn(names, tensor.name)) return { ...tensor, name: names[tensor.name]! };
    throw new ServeryError('INVALID_INPUT', sizeMismatch(Object.keys(names), tensors));
  });
  const rows = tensors[0]?.shape[0] ?? 0;
  const given = new Set(Object.values(names));
  const filled = whole.inputs.filter(({ name }) => !given.has(name)).map((spec) => fillingOf(spec, rows));
  return [...renamed, ...filled];
}

function fillingOf({ name, datatype, shape: [, ...inner], missing }: TensorSpec, rows: number): NamedTensor {
  const shape = [rows, ...(inner as number[])];
  const count = elementCount(shape);
  if (datatype === 'BYTES') return { name, datatype, shape, data: new Array<string>(count).fill('') };
  const data = allocateData(datatype, count);
  if (missing === 'nan') (data as Float64Array).fill(datatype === 'FP16' ? HALF_NAN : NaN);
  return { name, datatype, shape, data };
}

/** What `predict_util.cc` says when the inputs are not those of the signature. */
export function sizeMismatch(wanted: readonly string[], tensors: readonly NamedTensor[]): string {
  const known = [...wanted].sort();
  const sent = tensors.map(({ name }) => name).sort();
  const extra = sent.filter((name) => !known.includes(name));
  const missing = known.filter((name) => !sent.includes(name));
  const sets = `len({${sent.join()}}) != len({${known.join()}})`;
  const sizes = `${sent.length}!=${known.length} ${sets}`;
  return `input size does not match signature: ${sizes}. Sent extra: {${extra.join()}}. Missing but required: {${missing.join()}}.`;
}
