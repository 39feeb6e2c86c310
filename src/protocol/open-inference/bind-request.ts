/**
 * What can be said against a request only when the signature is known, and before the model runs: how many
 * inputs there are, and whether each output can be answered in the form that was asked for.
 */
import { ServeryError, quote } from '../../core/errors.ts';
import type { Signature, TensorSpec } from '../../core/signature.ts';
import type { NamedTensor } from '../../core/tensor.ts';
import type { InferRequest, RequestedOutput } from './infer-types.ts';

/**
 * The tensors of a request, for `checkInputs`.
 *
 * @param encoding `raw` where all answers are binary (gRPC); `json` where binary is asked for
 * @throws {ServeryError} `INVALID_REQUEST`, `INVALID_INPUT`
 */
export function bindInferRequest(
  request: Pick<InferRequest, 'inputs' | 'outputs' | 'binaryDefault'>,
  signature: Signature,
  model: string,
  encoding: 'json' | 'raw' = 'json',
): readonly NamedTensor[] {
  const { inputs, outputs } = request;
  if (inputs.length !== signature.inputs.length) throw miscounted(inputs, signature, model);
  const binaryDefault = encoding === 'raw' || request.binaryDefault;
  if (outputs === undefined) {
    if (!binaryDefault) for (const spec of signature.outputs) refuseWithoutJsonForm(spec);
    return inputs;
  }
  for (const output of outputs) {
    const spec = signature.outputs.find(({ name }) => name === output.name);
    if (spec === undefined) throw unknownOutput(output, signature, model);
    if (output.classification !== undefined) refuseClassification(spec, signature);
    else if (!(output.binary ?? binaryDefault)) refuseWithoutJsonForm(spec);
  }
  return inputs;
}

function refuseWithoutJsonForm({ name, datatype }: TensorSpec): void {
  if (datatype !== 'FP16') return;
  throw new ServeryError('INVALID_REQUEST', `Cannot answer output ${quote(name)} in JSON: FP16 has no JSON form`, {
    hint: 'Ask for it in binary: "parameters": {"binary_data": true}.',
  });
}

function refuseClassification({ name, datatype, shape }: TensorSpec, { batched }: Signature): void {
  if (datatype !== 'BYTES' && shape.length >= (batched ? 2 : 1)) return;
  const problem = 'classification takes a list of numbers for each row';
  throw new ServeryError('INVALID_REQUEST', `Cannot answer output ${quote(name)} as classes: ${problem}`);
}

function unknownOutput({ name }: RequestedOutput, { outputs }: Signature, model: string): ServeryError {
  const problem = `unexpected inference output ${quote(name)} for model ${quote(model)}`;
  return new ServeryError('INVALID_REQUEST', `Cannot answer the request: ${problem}`, {
    hint: `Its outputs are ${listNames(outputs)}.`,
  });
}

function miscounted(inputs: readonly NamedTensor[], signature: Signature, model: string): ServeryError {
  const problem = `expected ${signature.inputs.length} inputs but got ${inputs.length} inputs for model ${quote(model)}`;
  const names = `Got input names ${listNames(inputs)}, expected ${listNames(signature.inputs)}`;
  return new ServeryError('INVALID_INPUT', `Cannot use the inputs: ${problem}. ${names}`);
}

const MOST_NAMES = 16;

function listNames(named: readonly { readonly name: string }[]): string {
  const names = named.slice(0, MOST_NAMES).map(({ name }) => quote(name));
  return `[${names.join(', ')}${named.length > MOST_NAMES ? ', …' : ''}]`;
}
