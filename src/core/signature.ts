/**
 * A signature: what a model version takes and gives.
 *
 * It is read from the artifact when a version loads and is the one thing requests are checked
 * against. `CheckedInputs` can be made here only, so no later step has to check again. From here on
 * tensors are positional, in the order of the signature: no lookup by a name that a client chose.
 */
import { ServeryError, invalidInput, quote } from './errors.ts';
import type { BytesElement, Datatype, NamedTensor, Tensor } from './tensor.ts';

export interface TensorSpec {
  readonly name: string;
  readonly datatype: Datatype;
  /** `null` is an axis of any size. With `Signature.batched`, axis 0 is `null` and counts rows. */
  readonly shape: readonly (number | null)[];
  /**
   * BYTES only: elements must be UTF-8 text without NUL, since the runtime would damage others. False of an output:
   * they are files, and never text.
   */
  readonly text?: boolean;
  /** Inputs of shape [n, k]: the names of the k features, in their order. */
  readonly features?: readonly string[];
  /** Inputs: a missing value is NaN (floating point only) instead of an error. */
  readonly missing?: 'nan';
  /** Outputs: the name of each class; by value for integers, by column for [n, k]. */
  readonly labels?: readonly string[];
}

export interface Signature {
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  /**
   * Axis 0 of every input and output counts rows. When false a request is one indivisible call: it is
   * never stacked with others, and `rows` is 1.
   */
  readonly batched: boolean;
  /** Parts of it that clients may ask for by a name, where a workspace gives them one. */
  readonly named?: Readonly<Record<string, NamedSignature>>;
}

/** Some of the inputs and outputs of a model, for those who ask it for one thing of several. */
export interface NamedSignature {
  /** What is asked: outputs as they are, scores of classes, or one value a row. */
  readonly method: 'predict' | 'classify' | 'regress';
  /** By their names in this signature, those of the model. */
  readonly inputs: Readonly<Record<string, string>>;
  readonly outputs: Readonly<Record<string, string>>;
}

declare const checked: unique symbol;
/** Tensors known to fit a signature, in the order of its inputs. `rows` is their common axis 0. */
export interface CheckedInputs {
  readonly [checked]: true;
  readonly tensors: readonly Tensor[];
  readonly rows: number;
  /** Requests with equal keys can be stacked: the sizes of the free inner axes. */
  readonly stackKey: string;
}

/**
 * @throws {ServeryError} `INVALID_INPUT` if a tensor is missing, unknown, given twice, or does not fit
 *   in datatype or shape
 */
export function checkInputs(signature: Signature, tensors: readonly NamedTensor[]): CheckedInputs {
  const { inputs, batched } = signature;
  const ordered: Tensor[] = new Array<Tensor>(inputs.length);
  let rows = -1;
  let stackKey = '';
  for (let i = 0; i < inputs.length; i += 1) {
    const spec = inputs[i]!;
    const tensor = find(tensors, spec, i);
    if (tensor.datatype !== spec.datatype) {
      throw invalidInput(spec.name, `datatype is ${tensor.datatype}, expected ${spec.datatype}`);
    }
    const { shape } = tensor;
    if (shape.length !== spec.shape.length) throw unexpectedShape(spec, shape);
    for (let axis = 0; axis < shape.length; axis += 1) {
      const size = spec.shape[axis]!;
      if (size !== null) {
        if (size !== shape[axis]) throw unexpectedShape(spec, shape);
      } else if (axis > 0 || !batched) stackKey += `${shape[axis]},`;
    }
    if (batched) {
      if (rows === -1) rows = shape[0]!;
      else if (shape[0] !== rows) {
        throw invalidInput(spec.name, `it has ${shape[0]} rows, and ${quote(inputs[0]!.name)} has ${rows}`);
      }
    }
    ordered[i] = spec.text ? asText(spec, tensor) : tensor;
  }
  // Every input was found, so a longer list has one that is unknown or given twice.
  if (tensors.length !== inputs.length) throw surplus(signature, tensors);
  if (rows === 0) throw invalidInput(inputs[0]!.name, 'it has no rows, expected at least 1');
  return { tensors: ordered, rows: batched ? Math.max(rows, 0) : 1, stackKey } as unknown as CheckedInputs;
}

function find(tensors: readonly NamedTensor[], spec: TensorSpec, i: number): NamedTensor {
  const same = tensors[i]; // clients send them in the order of the signature, nearly always
  if (same?.name === spec.name) return same;
  for (const tensor of tensors) if (tensor.name === spec.name) return tensor;
  throw invalidInput(spec.name, 'it is missing');
}

function surplus({ inputs }: Signature, tensors: readonly NamedTensor[]): ServeryError {
  const seen = new Set<string>();
  for (const { name } of tensors) {
    if (!inputs.some((spec) => spec.name === name)) return invalidInput(name, 'the model has no such input');
    if (seen.has(name)) return invalidInput(name, 'it is given twice');
    seen.add(name);
  }
  return new ServeryError('INTERNAL', 'Cannot name the surplus input');
}

function unexpectedShape(spec: TensorSpec, shape: readonly number[]): ServeryError {
  return invalidInput(spec.name, `unexpected shape [${shape.join(', ')}], expected ${formatShape(spec.shape)}`);
}

export function formatShape(shape: readonly (number | null)[]): string {
  return `[${shape.map((size) => size ?? '*').join(', ')}]`;
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function asText(spec: TensorSpec, tensor: Tensor): Tensor {
  const elements = tensor.data as readonly BytesElement[];
  const data = elements.map((element, i) => {
    let text = element;
    if (typeof text !== 'string') {
      try {
        text = utf8.decode(text);
      } catch {
        throw invalidInput(spec.name, `element ${i} is not UTF-8 text`);
      }
    }
    if (text.includes('\0')) throw invalidInput(spec.name, `element ${i} has a NUL character`);
    if (!text.isWellFormed()) throw invalidInput(spec.name, `element ${i} has a lone surrogate`);
    return text;
  });
  return { ...tensor, data };
}
