/** The schemas in an `MLmodel`: JSON in its YAML, of columns or of tensors with the types of NumPy. */
import * as z from 'zod';
import { quote } from '../core/errors.ts';
import type { ParamHint, ValueHint } from '../core/model.ts';

const MAX_VALUES = 100_000;

const tensorSpec = z.object({ dtype: z.string(), shape: z.array(z.int().min(-1)) });
const valueSchema = z.object({
  type: z.string(),
  name: z.union([z.string(), z.number()]).nullish(),
  'tensor-spec': tensorSpec.nullish(),
  items: z.object({ type: z.string() }).nullish(),
});
const schema = z.array(valueSchema).max(MAX_VALUES);
type Value = z.infer<typeof valueSchema>;
const paramsSchema = z
  .array(
    z.object({
      name: z.union([z.string(), z.number()]),
      type: z.string().optional(),
      // Before version 2.6 of MLflow.
      dtype: z.string().optional(),
      default: z.unknown(),
      shape: z.array(z.int()).nullish(),
    }),
  )
  .max(MAX_VALUES);

const COLUMN_KINDS: Readonly<Record<string, ValueHint['kind']>> = {
  boolean: 'boolean',
  integer: 'integer',
  long: 'integer',
  float: 'number',
  double: 'number',
  string: 'text',
  binary: 'text',
  datetime: 'text',
  sparkml_vector: 'number',
  object: 'none',
  map: 'none',
};

/** @returns what the side takes or gives, empty when the file does not say; or what is wrong */
export function parseSchema(
  side: 'inputs' | 'outputs',
  text: string | null | undefined,
): readonly ValueHint[] | string {
  if (text === undefined || text === null) return [];
  const where = `the ${side} of its signature`;
  const data = read(where, text, schema);
  if (typeof data === 'string') return data;
  const hints = data.map(hintOf);
  if (new Set(hints.map(({ shape }) => shape === undefined)).size > 1) return `${where} mix columns and tensors`;
  const names = hints.flatMap(({ name }) => name ?? []);
  const twice = names.length === new Set(names).size ? undefined : names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) return `${where} have ${quote(twice)} twice`;
  return hints;
}

/** @returns what a call may say beside its inputs; or what is wrong */
export function parseParams(text: string | null | undefined): readonly ParamHint[] | string | undefined {
  if (text === undefined || text === null) return undefined;
  const data = read('the params of its signature', text, paramsSchema);
  if (typeof data === 'string') return data;
  return data.map(({ name, type, dtype, shape, default: value }) => {
    return { name: String(name), type: type ?? dtype ?? 'any', default: value, isList: Array.isArray(shape) };
  });
}

function read<T>(where: string, text: string, form: z.ZodType<T>): T | string {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    return `${where} are not JSON`;
  }
  const { data, error } = form.safeParse(document);
  if (error === undefined) return data;
  const [issue] = error.issues;
  return `${where}, ${issue!.path.join('.') || 'as a whole'}: ${issue!.message}`;
}

function hintOf({ type, name, items, 'tensor-spec': tensor }: Value): ValueHint {
  const named = name === undefined || name === null ? {} : { name: String(name) };
  if (tensor !== undefined && tensor !== null) {
    const shape = tensor.shape.map((size) => (size === -1 ? null : size));
    return { ...named, type: tensor.dtype, kind: kindOfDtype(tensor.dtype), shape };
  }
  const isList = type === 'array' && items !== undefined && items !== null;
  if (!isList) return { ...named, type, kind: kindOfColumn(type) };
  return { ...named, type: `array of ${items.type}`, kind: kindOfColumn(items.type), itemType: items.type };
}

/** Types that MLflow may add some day say nothing here. */
function kindOfColumn(type: string): ValueHint['kind'] {
  return Object.hasOwn(COLUMN_KINDS, type) ? COLUMN_KINDS[type]! : 'any';
}

function kindOfDtype(dtype: string): ValueHint['kind'] {
  if (dtype === 'bool') return 'boolean';
  if (/^u?int\d+$/.test(dtype)) return 'integer';
  if (/^float\d+$/.test(dtype)) return 'number';
  if (/^complex\d+$/.test(dtype)) return 'none';
  return /^(object|str|string|bytes)/.test(dtype) ? 'text' : 'any';
}
