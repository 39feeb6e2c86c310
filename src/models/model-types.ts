/**
 * The TypeScript types of a model's rows and answers, printed from its signature.
 *
 * They fill the `Models` interface of the client by declaration merging, so that a wrong feature name
 * is an error in the editor and not a 400.
 */
import type { Datatype } from '../core/tensor.ts';
import type { Signature, TensorSpec } from '../core/signature.ts';

export function printModelTypes(name: string, signature: Signature): string {
  const type = name.replace(/(?:^|[^A-Za-z0-9]+)([A-Za-z0-9]?)/g, (_, letter: string) => letter.toUpperCase());
  const prefix = /^\d/.test(type) ? `Model${type}` : type;
  const { inputs, outputs, batched } = signature;
  const row = inputs.flatMap((spec) => rowKeys(spec, batched));
  const prediction = outputs.map((spec) => [spec.name, plainType(spec, batched)] as const);
  const labelled = outputs.flatMap((spec) => labelledKeys(spec, batched));
  return [
    `export interface ${prefix}Row {`,
    ...row.map(([key, value]) => `  readonly ${propertyName(key)}: ${value};`),
    '}',
    `export interface ${prefix}Prediction {`,
    ...prediction.map(([key, value]) => `  readonly ${propertyName(key)}: ${value};`),
    '}',
    `/** With \`labels: true\`. */`,
    `export interface ${prefix}Labelled {`,
    ...labelled.map(([key, value]) => `  readonly ${propertyName(key)}: ${value};`),
    '}',
    '',
    "declare module 'servery/client' {",
    '  interface Models {',
    `    ${propertyName(name)}: { row: ${prefix}Row; prediction: ${prefix}Prediction; labelled: ${prefix}Labelled };`,
    '  }',
    '}',
    '',
  ].join('\n');
}

type Key = readonly [name: string, type: string];

function rowKeys({ name, datatype, shape, features, missing }: TensorSpec, batched: boolean): readonly Key[] {
  const inner = batched ? shape.slice(1) : shape;
  const element = elementType(datatype);
  if (features !== undefined && inner.length === 1) {
    // A missing key and null are the same: NaN.
    return features.map((feature) => [feature, missing === 'nan' ? `${element} | null | undefined` : element]);
  }
  return [[name, nested(element, inner.length)]];
}

function plainType({ datatype, shape }: TensorSpec, batched: boolean): string {
  // A number that is NaN or infinite is null in JSON.
  const element = datatype.startsWith('FP') ? 'number | null' : elementType(datatype);
  return nested(element, batched ? shape.length - 1 : shape.length);
}

function labelledKeys(spec: TensorSpec, batched: boolean): readonly Key[] {
  const { name, datatype, labels, shape } = spec;
  const rank = batched ? shape.length - 1 : shape.length;
  if (labels === undefined) return [[name, plainType(spec, batched)]];
  if (rank === 0) return [[name, labels.map((label) => JSON.stringify(label)).join(' | ')]];
  if (rank > 1 || shape.at(-1) !== labels.length) return [[name, plainType(spec, batched)]];
  const element = datatype.startsWith('FP') ? 'number | null' : elementType(datatype);
  return labels.map((label) => [`${name}.${label}`, element]);
}

function nested(element: string, rank: number): string {
  let type = element;
  for (let i = 0; i < rank; i += 1) type = type.includes(' ') ? `readonly (${type})[]` : `readonly ${type}[]`;
  return type;
}

function elementType(datatype: Datatype): string {
  if (datatype === 'BYTES') return 'string';
  return datatype === 'BOOL' ? 'boolean' : 'number';
}

function propertyName(name: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(name) ? name : JSON.stringify(name);
}
