/**
 * Holds what another file of the version says about inputs and outputs against the artifact, and takes the names of
 * its columns as features.
 *
 * The artifact decides. A file that contradicts it was written for another model: serving it would give answers to
 * questions that nobody asked, so such a version is refused, and the message has both sides.
 */
import { ServeryError, quote } from '../core/errors.ts';
import type { ArtifactHints, ValueHint } from '../core/model.ts';
import { formatShape, type Signature, type TensorSpec } from '../core/signature.ts';
import type { Datatype } from '../core/tensor.ts';
import type { ModelOptions } from './model-options.ts';
import type { ResolvedSignature } from './resolve-signature.ts';

/**
 * @param given what `model.yaml` says of the inputs: its names win
 * @throws {ServeryError} `MODEL_INVALID` when the artifact cannot be the one that is meant
 */
export function withHints(
  artifact: Signature,
  hints: ArtifactHints | undefined,
  given: ModelOptions['inputs'],
): ResolvedSignature {
  if (hints === undefined) return { signature: artifact, notes: [] };
  const { file, inputs, outputs } = hints;
  // What a model gives is described as its first library gave it, often less than the artifact has.
  for (const hint of outputs) {
    const spec = artifact.outputs.find(({ name }) => name === hint.name);
    if (spec !== undefined) refuseOtherType(file, 'output', hint, spec, true);
  }
  if (inputs.length === 0) return { signature: artifact, notes: [`${file} says nothing about the inputs`] };
  const features = featuresOf(artifact, hints);
  if (features === undefined) return { signature: artifact, notes: [`the inputs are those of ${file}`] };

  const only = artifact.inputs[0]!;
  const own = Object.hasOwn(given, only.name) ? given[only.name]!.features : undefined;
  if (own !== undefined && own.length !== inputs.length) {
    throw contradiction(file, `it has ${inputs.length} columns, and model.yaml names ${own.length} features`);
  }
  if (own !== undefined || features.length === 0) return { signature: artifact, notes: [] };
  const named: TensorSpec = { ...only, shape: [only.shape[0]!, features.length], features };
  const note = `input ${quote(only.name)}: ${features.length} features by ${file}`;
  return { signature: { ...artifact, inputs: [named] }, notes: [note] };
}

/** @returns the columns of the only input, empty when they have no names; undefined when inputs are meant by name */
function featuresOf(artifact: Signature, { file, inputs: hints }: ArtifactHints): readonly string[] | undefined {
  const { inputs } = artifact;
  const names = hints.flatMap(({ name }) => name ?? []);
  const isTensors = hints.some(({ shape }) => shape !== undefined);
  const [only, another] = inputs;
  const specOf = (hint: ValueHint) => inputs.find((spec) => spec.name === hint.name);
  if (hints.length === inputs.length && hints.every(specOf)) {
    for (const hint of hints) refuseOther(file, hint, specOf(hint)!);
    return undefined;
  }
  const [hint] = hints;
  if (only === undefined || another !== undefined || (isTensors && (hints.length > 1 || names.length > 0))) {
    const said = names.length === hints.length ? listed(names) : `${hints.length} without names`;
    throw contradiction(
      file,
      `its inputs are ${said}, those of the artifact ${listed(inputs.map(({ name }) => name))}`,
    );
  }
  if (isTensors) {
    refuseOther(file, hint!, only);
    return undefined;
  }
  const width = only.shape.length === 2 ? only.shape[1] : undefined;
  if (width === undefined || (width !== null && width !== hints.length)) {
    const said = names.length === hints.length ? ` (${listed(names)})` : '';
    throw contradiction(file, `it has ${count(hints.length, 'column')}${said}, and ${describe('input', only)}`);
  }
  for (const column of hints) refuseOtherType(file, 'input', column, only, false);
  return names.length === hints.length ? names : [];
}

function refuseOther(file: string, hint: ValueHint, spec: TensorSpec): void {
  refuseOtherType(file, 'input', hint, spec, false);
  const { shape } = hint;
  if (shape === undefined) return;
  const isSame =
    shape.length === spec.shape.length &&
    shape.every((size, axis) => size === null || spec.shape[axis] === null || size === spec.shape[axis]);
  if (isSame) return;
  throw contradiction(file, `it has a tensor of the shape ${formatShape(shape)}, and ${describe('input', spec)}`);
}

function refuseOtherType(
  file: string,
  kind: 'input' | 'output',
  hint: ValueHint,
  spec: TensorSpec,
  anyNumber: boolean,
): void {
  if (fits(hint.kind, spec.datatype, anyNumber)) return;
  const what = hint.shape === undefined ? 'column' : 'tensor';
  const name = hint.name === undefined ? '' : ` ${quote(hint.name)}`;
  throw contradiction(file, `its ${what}${name} is ${quote(hint.type)}, and ${describe(kind, spec)}`);
}

/** Whether values of the kind can be what the artifact has: whole numbers fit a float, and fractions no integer. */
function fits(kind: ValueHint['kind'], datatype: Datatype, anyNumber: boolean): boolean {
  switch (kind) {
    case 'any':
      return true;
    case 'none':
      return false;
    case 'boolean':
      return datatype === 'BOOL';
    case 'text':
      return datatype === 'BYTES';
    case 'integer':
      return datatype !== 'BOOL' && datatype !== 'BYTES';
    case 'number':
      return anyNumber ? datatype !== 'BOOL' && datatype !== 'BYTES' : datatype.startsWith('FP');
  }
}

function contradiction(file: string, problem: string): ServeryError {
  return new ServeryError('MODEL_INVALID', `${file} does not fit the artifact: ${problem}`, {
    hint: `Correct the signature in ${file}, or put the artifact there that it describes.`,
  });
}

function describe(kind: 'input' | 'output', { name, datatype, shape }: TensorSpec): string {
  return `${kind} ${quote(name)} of the artifact is ${datatype} ${formatShape(shape)}`;
}

function listed(names: readonly string[]): string {
  if (names.length === 0) return 'none';
  const shown = names.slice(0, 8).map((name) => quote(name));
  return names.length > 8 ? `${shown.join(', ')}, … (${names.length})` : shown.join(', ');
}

function count(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? '' : 's'}`;
}
