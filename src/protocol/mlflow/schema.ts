/**
 * What a request holds, in types of MLflow and NumPy: as `MLmodel` says it, or else as the signature has it.
 *
 * It has columns where a data frame is meant, and a type for each tensor.
 */
import type { DeclaredValues, ValueHint } from '../../core/model.ts';
import type { Signature, TensorSpec } from '../../core/signature.ts';
import type { Datatype } from '../../core/tensor.ts';
import { rowPlan } from '../rows/input-plan.ts';
import { isFloat, isInteger, type Dtype } from './numpy-values.ts';

export interface SchemaColumn {
  /** Undefined: it is known by its position. */
  readonly name: string | undefined;
  readonly dtype: Dtype;
  /** A list of such values in each row, none of which is converted; or nested lists, each value of which is. */
  readonly holds: 'value' | 'list' | 'nest';
  /** Of the tensor that it becomes part of. */
  readonly datatype: Datatype;
}

export interface Schema {
  readonly columns: readonly SchemaColumn[];
  /** By what is in `MLmodel`; undefined where that says nothing. */
  readonly declared: 'columns' | 'tensors' | undefined;
  /** `MLmodel` has no names for what it declares. */
  readonly isUnnamed: boolean;
  /** By name of the input. */
  readonly tensors: ReadonlyMap<string, Dtype>;
}

const schemas = new WeakMap<Signature, { readonly declared: DeclaredValues | undefined; readonly schema: Schema }>();

export function schemaOf(signature: Signature, declared: DeclaredValues | undefined): Schema {
  const known = schemas.get(signature);
  if (known !== undefined && known.declared === declared) return known.schema;
  const schema = makeSchema(signature, declared?.inputs ?? []);
  schemas.set(signature, { declared, schema });
  return schema;
}

function makeSchema(signature: Signature, hints: readonly ValueHint[]): Schema {
  const { inputs } = signature;
  const tensorHints = hints.filter(({ shape }) => shape !== undefined);
  const tensors = new Map(
    inputs.map((spec) => {
      const hint = tensorHints.find(({ name }) => name === undefined || name === spec.name);
      return [spec.name, hint === undefined ? dtypeOfSpec(spec) : dtypeOfTensor(hint.type)];
    }),
  );
  const isColumns = hints.length > 0 && tensorHints.length === 0;
  const columns = isColumns ? hints.map((hint) => columnOf(hint, inputs)) : ownColumns(signature, tensors);
  const declared = hints.length === 0 ? undefined : isColumns ? 'columns' : 'tensors';
  const isUnnamed = hints.length > 0 && hints.every(({ name }) => name === undefined);
  return { columns, declared, isUnnamed, tensors };
}

function columnOf({ name, type, itemType }: ValueHint, inputs: readonly TensorSpec[]): SchemaColumn {
  const target = inputs.find((spec) => spec.name === name) ?? inputs[0]!;
  const holds = itemType === undefined ? 'value' : 'list';
  return { name, dtype: COLUMN_TYPES[itemType ?? type] ?? 'any', holds, datatype: target.datatype };
}

const COLUMN_TYPES: Readonly<Record<string, Dtype>> = {
  boolean: 'bool',
  integer: 'int32',
  long: 'int64',
  float: 'float32',
  double: 'float64',
  string: 'str',
  binary: 'binary',
  datetime: 'datetime64[ns]',
};

function dtypeOfTensor(type: string): Dtype {
  if (isInteger(type) || isFloat(type) || type === 'bool') return type;
  return /^(bytes|\|S)/.test(type) ? 'binary' : /^(object|str|<U)/.test(type) ? 'str' : 'any';
}

/** Where each value of a row has a key of its own, as for the plain door; else nested lists by input. */
function ownColumns(signature: Signature, tensors: ReadonlyMap<string, Dtype>): readonly SchemaColumn[] {
  return rowPlan(signature).inputs.flatMap(({ spec, keys }): SchemaColumn[] => {
    const { datatype } = spec;
    const dtype = tensors.get(spec.name)!;
    if (keys === undefined) return [{ name: spec.name, dtype, holds: 'nest', datatype }];
    return keys.map((name) => ({ name, dtype, holds: 'value', datatype }));
  });
}

function dtypeOfSpec({ datatype, text }: TensorSpec): Dtype {
  return datatype === 'BYTES' ? (text === true ? 'str' : 'binary') : DTYPES[datatype];
}

const DTYPES: Readonly<Record<Exclude<Datatype, 'BYTES'>, Dtype>> = {
  BOOL: 'bool',
  INT8: 'int8',
  INT16: 'int16',
  INT32: 'int32',
  INT64: 'int64',
  UINT8: 'uint8',
  UINT16: 'uint16',
  UINT32: 'uint32',
  UINT64: 'uint64',
  FP16: 'float16',
  FP32: 'float32',
  FP64: 'float64',
};
