/**
 * Lays what `model.yaml` says (features, labels, missing) over the signature that the artifact itself has.
 *
 * Names are checked against the artifact here, when a version loads: a list of features that is one too
 * short would otherwise shift every value by a column and nobody would see it.
 */
import { ServeryError, quote } from '../core/errors.ts';
import { formatShape, type Signature, type TensorSpec } from '../core/signature.ts';
import type { ModelOptions } from './model-options.ts';
import { resolveNamed } from './named-signatures.ts';

export interface ResolvedSignature {
  readonly signature: Signature;
  /** What was resolved and why, a line each. */
  readonly notes: readonly string[];
}

/** @throws {ServeryError} `MODEL_INVALID` when the options do not fit the artifact */
export function resolveSignature(
  artifact: Signature,
  { inputs, outputs, signatures }: Pick<ModelOptions, 'inputs' | 'outputs' | 'signatures'>,
): ResolvedSignature {
  const notes: string[] = [];
  refuseUnknown('input', Object.keys(inputs), artifact.inputs);
  refuseUnknown('output', Object.keys(outputs), artifact.outputs);

  const resolvedInputs = artifact.inputs.map((spec) => {
    const { features, missing } = ownValue(inputs, spec.name) ?? {};
    let resolved = spec;
    if (features !== undefined) resolved = withFeatures(resolved, features);
    if (missing !== undefined) resolved = withMissing(resolved);
    if (resolved !== spec) {
      notes.push(`input ${quote(spec.name)}: ${describeNames(features, 'features', missing)} by model.yaml`);
    }
    return resolved;
  });
  refuseAmbiguous(resolvedInputs);

  let resolvedOutputs = artifact.outputs.map((spec) => {
    const labels = ownValue(outputs, spec.name)?.labels;
    if (labels === undefined) return spec;
    notes.push(`output ${quote(spec.name)}: ${labels.length} labels by model.yaml`);
    return withLabels(spec, labels);
  });
  resolvedOutputs = shareLabels(resolvedOutputs, notes);
  const signature = { ...artifact, inputs: resolvedInputs, outputs: resolvedOutputs };
  const named = resolveNamed(signature, signatures);
  if (named === undefined) return { signature, notes };
  notes.push(`signatures by model.yaml: ${Object.keys(named).join(', ')}`);
  return { signature: { ...signature, named }, notes };
}

function withFeatures(spec: TensorSpec, features: readonly string[]): TensorSpec {
  const [rows, width] = spec.shape;
  if (spec.shape.length !== 2 || rows === undefined || width === undefined) {
    throw unfit('input', spec, `features need the shape [n, k], and its shape is ${formatShape(spec.shape)}`);
  }
  if (width !== null && width !== features.length) {
    throw unfit('input', spec, `it has ${width} columns, and model.yaml names ${features.length} features`);
  }
  const twice = repeated(features);
  if (twice !== undefined) throw unfit('input', spec, `feature ${quote(twice)} is named twice`);
  return { ...spec, shape: [rows, features.length], features };
}

function withMissing(spec: TensorSpec): TensorSpec {
  if (!spec.datatype.startsWith('FP')) {
    throw unfit('input', spec, `\`missing: nan\` needs a floating-point input, and its datatype is ${spec.datatype}`);
  }
  return { ...spec, missing: 'nan' };
}

function withLabels(spec: TensorSpec, labels: readonly string[]): TensorSpec {
  const { datatype, shape } = spec;
  const twice = repeated(labels);
  if (twice !== undefined) throw unfit('output', spec, `label ${quote(twice)} is named twice`);
  if (/^U?INT/.test(datatype) || datatype === 'BOOL') {
    if (datatype === 'BOOL' && labels.length !== 2) {
      throw unfit('output', spec, `it is BOOL, which needs 2 labels, and model.yaml names ${labels.length}`);
    }
    return { ...spec, labels };
  }
  const width = shape.length === 2 ? shape[1] : undefined;
  if (datatype === 'BYTES' || width === undefined) {
    throw unfit(
      'output',
      spec,
      `labels need an integer, or the shape [n, k], and it is ${datatype} ${formatShape(shape)}`,
    );
  }
  if (width !== null && width !== labels.length) {
    throw unfit('output', spec, `it has ${width} columns, and model.yaml names ${labels.length} labels`);
  }
  return { ...spec, labels };
}

/** The labels of the class are also those of the probabilities beside it, where the number of columns agrees. */
function shareLabels(outputs: readonly TensorSpec[], notes: string[]): TensorSpec[] {
  const labelled = outputs.filter(({ labels }) => labels !== undefined);
  const labels = labelled.length === 1 ? labelled[0]!.labels : undefined;
  return outputs.map((spec) => {
    const { datatype, shape } = spec;
    const isColumns = datatype.startsWith('FP') && shape.length === 2 && shape[1] === labels?.length;
    if (labels === undefined || spec.labels !== undefined || !isColumns) return spec;
    notes.push(`output ${quote(spec.name)}: one column for each label of ${quote(labelled[0]!.name)}`);
    return { ...spec, labels };
  });
}

/** A row is keyed by feature and by input, so no two of these names may be equal. */
function refuseAmbiguous(inputs: readonly TensorSpec[]): void {
  const keys = inputs.flatMap(({ name, features }) => (features === undefined ? [name] : [...features]));
  const twice = repeated(keys);
  if (twice === undefined) return;
  throw new ServeryError('MODEL_INVALID', `Cannot tell inputs apart: ${quote(twice)} names two of them`);
}

function refuseUnknown(kind: 'input' | 'output', names: readonly string[], specs: readonly TensorSpec[]): void {
  for (const name of names) {
    if (specs.some((spec) => spec.name === name)) continue;
    const known = specs.map((spec) => quote(spec.name)).join(', ') || 'none';
    throw new ServeryError('MODEL_INVALID', `model.yaml names ${kind} ${quote(name)}; the artifact has ${known}`, {
      hint: 'Use the names that `servery model show NAME` prints.',
    });
  }
}

function unfit(kind: 'input' | 'output', { name }: TensorSpec, problem: string): ServeryError {
  return new ServeryError('MODEL_INVALID', `model.yaml does not fit ${kind} ${quote(name)}: ${problem}`, {
    hint: 'Correct model.yaml; `servery model show NAME` prints the shapes.',
  });
}

function describeNames(features: readonly string[] | undefined, kind: string, missing: 'nan' | undefined): string {
  const parts = features === undefined ? [] : [`${features.length} ${kind}`];
  if (missing !== undefined) parts.push('missing values are NaN');
  return parts.join(', ');
}

function repeated(names: readonly string[]): string | undefined {
  return names.find((name, i) => names.indexOf(name) !== i);
}

function ownValue<T>(record: Readonly<Record<string, T>>, key: string): T | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}
