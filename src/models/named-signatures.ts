/**
 * Lays the signatures that `model.yaml` names over that of the artifact.
 *
 * They are checked when a version loads, so that a client never finds out that one of them cannot be asked.
 */
import { ServeryError, quote } from '../core/errors.ts';
import { formatShape, type NamedSignature, type Signature, type TensorSpec } from '../core/signature.ts';
import type { ModelOptions } from './model-options.ts';

/** @throws {ServeryError} `MODEL_INVALID` when one of them does not fit the artifact */
export function resolveNamed(
  { inputs, outputs, batched }: Signature,
  signatures: ModelOptions['signatures'],
): Readonly<Record<string, NamedSignature>> | undefined {
  const named = Object.entries(signatures).map(([name, given]) => {
    const taken = resolvePart(name, 'input', given.inputs, inputs);
    for (const spec of inputs) {
      if (Object.values(taken).includes(spec.name)) continue;
      const [, ...inner] = spec.shape;
      if (batched && !inner.includes(null)) continue;
      const problem = `it leaves out input ${quote(spec.name)}, whose shape ${formatShape(spec.shape)} says not how much to fill in`;
      throw unfit(name, problem);
    }
    const gives = resolvePart(name, 'output', given.outputs, outputs);
    return [name, { method: given.method, inputs: taken, outputs: gives }] as const;
  });
  return named.length === 0 ? undefined : Object.fromEntries(named);
}

function resolvePart(
  name: string,
  kind: 'input' | 'output',
  given: readonly string[] | Readonly<Record<string, string>>,
  specs: readonly TensorSpec[],
): Readonly<Record<string, string>> {
  const part = Array.isArray(given)
    ? Object.fromEntries((given as readonly string[]).map((one) => [one, one]))
    : (given as Readonly<Record<string, string>>);
  const meant = Object.values(part);
  for (const one of meant) {
    if (specs.some((spec) => spec.name === one)) continue;
    const known = specs.map((spec) => quote(spec.name)).join(', ') || 'none';
    throw unfit(name, `it names ${kind} ${quote(one)}; the artifact has ${known}`);
  }
  if (meant.length === 0) throw unfit(name, `it has no ${kind}`);
  const twice = meant.find((one, i) => meant.indexOf(one) !== i);
  if (twice !== undefined) throw unfit(name, `it names ${kind} ${quote(twice)} twice`);
  return part;
}

function unfit(name: string, problem: string): ServeryError {
  return new ServeryError('MODEL_INVALID', `Cannot use the signature ${quote(name)} of model.yaml: ${problem}`, {
    hint: 'Use the names that `servery model show NAME` prints.',
  });
}
