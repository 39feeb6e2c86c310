/**
 * Which output a classification or regression means.
 *
 * A SavedModel has signatures by name, and a workspace may name some. Where it names none, their names are made of
 * the model: `serving_default` takes the output that fits the method, and `regress_x_to_y` names input and output, as
 * TensorFlow Serving's own half-plus-two models do.
 */
import { ServeryError } from '../../core/errors.ts';
import type { NamedSignature, Signature, TensorSpec } from '../../core/signature.ts';

import { signatureView, type SignatureView } from './named-signatures.ts';
import { bare } from './words.ts';

export type ExampleMethod = 'classify' | 'regress';

const KIND = { classify: 'classification', regress: 'regression' } as const;
/** What outputs with scores are called, by those who name them. */
const SCORES = ['scores', 'probabilities'];
/** The output that names the class of each score. */
export const CLASSES = 'classes';

/**
 * @returns the signature, and which of its outputs holds the scores or the value; or the classes, where they have none
 * @throws {ServeryError} `INVALID_REQUEST` when there is no such signature, or it has no output for the method
 */
export function outputOf(
  whole: Signature,
  method: ExampleMethod,
  name: string,
  notFound: (name: string) => ServeryError = noSignature,
): { readonly view: SignatureView; readonly output: number } {
  const view = signatureView(whole, name);
  if (view !== undefined) {
    if (view.isDeclared && view.method !== method) throw otherMethod(method, view.method);
    return { view, output: fittingOutput(view.signature, method) };
  }
  const all = signatureView(whole, '')!;
  if (whole.named !== undefined) throw notFound(name);
  const other = method === 'classify' ? 'regress' : 'classify';
  const output = namedOutput(whole, method, name);
  if (output === -1 && namedOutput(whole, other, name) !== -1) throw otherMethod(method, other);
  if (output === -1) throw notFound(name);
  if (!fits(whole, whole.outputs[output]!, method)) throw noOutput(method);
  return { view: all, output };
}

function noSignature(name: string): ServeryError {
  return refused(`No signature was found with the name: ${bare(name)}`);
}

function otherMethod(method: ExampleMethod, was: NamedSignature['method']): ServeryError {
  const problem = `Expected ${KIND[method]} signature method_name to be tensorflow/serving/${method}.`;
  return refused(`${problem} Was: tensorflow/serving/${was}`);
}

function namedOutput({ inputs, outputs }: Signature, method: ExampleMethod, name: string): number {
  return outputs.findIndex((output) => inputs.some((input) => name === `${method}_${input.name}_to_${output.name}`));
}

function fittingOutput(signature: Signature, method: ExampleMethod): number {
  const { outputs } = signature;
  const fitting = outputs.filter((spec) => fits(signature, spec, method));
  const wide = method === 'classify' ? fitting.filter(({ shape }) => shape.length === 2) : [];
  const named = fitting.filter(({ name }) => method === 'classify' && SCORES.includes(name));
  const [only, second] = named.length > 0 ? named : wide.length > 0 ? wide : fitting;
  const classes = outputs.findIndex(({ name, datatype }) => name === CLASSES && datatype === 'BYTES');
  if (only === undefined && method === 'classify' && classes !== -1) return classes;
  if (only === undefined) throw noOutput(method);
  if (second === undefined) return outputs.indexOf(only);
  throw refused(`Expected one output Tensor: several outputs of the model could be that of ${method}`, {
    hint: `Name one: signature_name "${method}_INPUT_to_OUTPUT".`,
  });
}

function fits({ batched }: Signature, { datatype, shape }: TensorSpec, method: ExampleMethod): boolean {
  if (!batched || !datatype.startsWith('FP')) return false;
  return shape.length === 1 || (shape.length === 2 && (method === 'classify' || shape[1] === 1));
}

function noOutput(method: ExampleMethod): ServeryError {
  return refused(
    method === 'classify'
      ? 'Expected classification signature outputs to contain scores: the model has no floating-point output of shape [batch_size num_classes]'
      : 'Expected output Tensor shape to be either [batch_size] or [batch_size, 1]: the model has no such floating-point output',
  );
}

function refused(problem: string, options?: { readonly hint: string }): ServeryError {
  return new ServeryError('INVALID_REQUEST', problem, options);
}
