/** The rows of the plain door as JSON Schema, from a signature: what a client may send, and what it gets. */
import type { Signature, TensorSpec } from '../../core/signature.ts';
import { rowPlan, type InputPlan } from '../../protocol/rows/input-plan.ts';
import { anyOf, inputValue, listOf, nestedLists, objectOf, outputValue, type Schema } from './json-schema.ts';

/** A row as an object by feature, as one with lists by input, or as a list. */
export function inputRow(signature: Signature): Schema {
  const { inputs, slots } = rowPlan(signature);
  const forms = [rowObject(inputs, membersOf)];
  if (inputs.some(takesListOfFeatures)) {
    forms.push(rowObject(inputs, (input) => (takesListOfFeatures(input) ? [listOfFeatures(input)] : membersOf(input))));
  }
  const values = inputs.flatMap((input) => membersOf(input).map(([, schema]) => schema));
  // Where the only input takes a list, the row is that list.
  if (slots === undefined) forms.push(listForm(inputs[0]!));
  else if (slots > 0) forms.push(tupleOf(values));
  return anyOf(forms);
}

/** @param labels classes by name */
export function outputRow({ outputs, batched }: Signature, labels: boolean): Schema {
  const members = outputs.flatMap((spec): [string, Schema][] => {
    const shape = batched ? spec.shape.slice(1) : spec.shape;
    const value = outputValue(spec.datatype);
    const names = labels ? spec.labels : undefined;
    if (names === undefined) return [[spec.name, nestedLists(value, shape)]];
    if (shape.length === 1 && shape[0] === names.length) return names.map((label) => [`${spec.name}.${label}`, value]);
    const isIndex = /^U?INT/.test(spec.datatype);
    // A class without a name stays a number.
    return [[spec.name, nestedLists(isIndex ? anyOf([{ enum: [...new Set(names)] }, value]) : value, shape)]];
  });
  return objectOf(Object.fromEntries(members));
}

export function hasLabels({ outputs }: Signature): boolean {
  return outputs.some(({ labels }) => labels !== undefined);
}

function rowObject(inputs: readonly InputPlan[], membersOf: (input: InputPlan) => [string, Schema][]): Schema {
  const members = (wanted: (input: InputPlan) => boolean) =>
    Object.fromEntries(inputs.filter(wanted).flatMap(membersOf));
  const optional = members(mayBeMissing);
  return objectOf(
    members((input) => !mayBeMissing(input)),
    { optional },
  );
}

function mayBeMissing({ spec, keys }: InputPlan): boolean {
  return spec.missing !== undefined && keys !== undefined;
}

function membersOf(input: InputPlan): [string, Schema][] {
  const { spec, keys } = input;
  if (keys === undefined) return [[spec.name, listForm(input)]];
  const value = valueOf(spec);
  return keys.map((key) => [key, value]);
}

function takesListOfFeatures({ keys, rowShape }: InputPlan): boolean {
  return keys !== undefined && rowShape.length > 0;
}

function listOfFeatures({ spec, keys }: InputPlan): [string, Schema] {
  return [spec.name, listOf(valueOf(spec), keys!.length)];
}

/** Nested like the shape, or flat; a single value may do without its list. */
function listForm({ spec, rowShape }: InputPlan): Schema {
  const value = valueOf(spec);
  const forms = [nestedLists(value, rowShape)];
  const count = rowShape.includes(null) ? undefined : rowShape.reduce<number>((product, size) => product * size!, 1);
  if (count !== undefined && rowShape.length > 1) forms.push(listOf(value, count));
  return anyOf(forms);
}

function tupleOf(values: readonly Schema[]): Schema {
  const [first = {}] = values;
  const isUniform = values.every((value) => JSON.stringify(value, bigintText) === JSON.stringify(first, bigintText));
  if (isUniform) return listOf(first, values.length);
  return { type: 'array', prefixItems: values, minItems: values.length, maxItems: values.length };
}

function bigintText(_: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value;
}

function valueOf({ datatype, missing, text }: TensorSpec): Schema {
  return inputValue(datatype, { missing: missing !== undefined, text: text === true });
}
