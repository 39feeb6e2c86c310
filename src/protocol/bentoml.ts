/**
 * BentoML's calls: arguments by name, as JSON or as a form with files, and the answer as a bare value.
 *
 * A model is a method. Its inputs are the arguments: tensors with their axis of rows, or without it for one row; the
 * answer then has none either. Rules: BentoML's `_bentoml_impl/serde.py` and `client/http.py`.
 */
import { ServeryError, invalidInput, quote } from '../core/errors.ts';
import type { Signature, TensorSpec } from '../core/signature.ts';
import type { Datatype, NamedTensor, Tensor } from '../core/tensor.ts';
import { ArgumentError } from './bentoml-failure.ts';
import { decodeInputs, encodeOutputs } from './instances.ts';
import { InexactInteger, isJsonObject, parseJson, parseJsonExactly, type DecodeLimits } from './json.ts';

export interface Arguments {
  readonly tensors: readonly NamedTensor[];
  /** They are those of one row, without an axis of rows. */
  readonly isRow: boolean;
}

/** @throws {ServeryError} `INVALID_REQUEST`, `INVALID_INPUT` */
export function decodeArguments(text: string, signature: Signature, limits: DecodeLimits): Arguments {
  const read = (parsed: unknown): Arguments => {
    refuseMissing(parsed, signature.inputs);
    try {
      const document = withoutFrames(parsed, signature.inputs);
      const isRow = signature.batched && isOneRow(document, signature.inputs);
      const inputs = isRow ? withRowAxis(document) : document;
      return { tensors: decodeInputs(inputs, signature, text.length, limits), isRow };
    } catch (error) {
      throw error instanceof InexactInteger ? error : asArgument(error, signature.inputs);
    }
  };
  try {
    return read(parseJson(text));
  } catch (error) {
    if (!(error instanceof InexactInteger)) throw error;
    return read(parseJsonExactly(text));
  }
}

function refuseMissing(document: unknown, inputs: readonly TensorSpec[]): void {
  if (!isArguments(document)) return;
  const missing = inputs.find(({ name }) => !Object.hasOwn(document, name));
  if (missing === undefined) return;
  throw new ArgumentError({ path: [missing.name], message: 'Field required', code: 'missing' });
}

/** The failure has the place of the argument that it names. */
function asArgument(error: unknown, inputs: readonly TensorSpec[]): unknown {
  if (!(error instanceof ServeryError) || error.code !== 'INVALID_INPUT') return error;
  const { message } = error;
  const named = inputs.find(({ name }) => message.includes(`input ${quote(name)}`));
  if (named === undefined) return error;
  return new ArgumentError({ path: [named.name], message: `Value error, ${message}`, code: 'value_error' }, error);
}

/** The answer as JSON: the value of the one output, or an object of all. */
export function encodeAnswer(signature: Signature, outputs: readonly Tensor[], isRow: boolean): string {
  return encodeOutputs(signature, isRow ? outputs.map(withoutRowAxis) : outputs);
}

/** Data frames among the arguments, or as the only one, as lists in the order of the features. */
function withoutFrames(document: unknown, inputs: readonly TensorSpec[]): unknown {
  const [only, another] = inputs;
  if (Array.isArray(document)) return another === undefined ? listsOf(document, only) : document;
  if (!isArguments(document)) return document;
  return Object.fromEntries(
    Object.entries(document).map(([name, value]) => [
      name,
      listsOf(
        value,
        inputs.find((spec) => spec.name === name),
      ),
    ]),
  );
}

/** Records, or lists by column; and a record alone, which is one row. */
function listsOf(frame: unknown, spec: TensorSpec | undefined): unknown {
  const features = spec?.features;
  if (features === undefined) return frame;
  if (Array.isArray(frame)) {
    return frame.some(isJsonObject) ? frame.map((row: unknown) => valuesOf(row, features, spec!.name)) : frame;
  }
  if (!isJsonObject(frame)) return frame;
  const values = valuesOf(frame, features, spec!.name);
  if (!values.every(Array.isArray)) return values;
  const [first = []] = values as unknown[][];
  if (values.some((list) => (list as unknown[]).length !== first.length)) {
    throw invalidInput(spec!.name, 'its columns differ in length');
  }
  return first.map((_, row) => values.map((list) => (list as unknown[])[row]));
}

function valuesOf(row: unknown, features: readonly string[], name: string): readonly unknown[] {
  if (!isJsonObject(row)) throw invalidInput(name, 'expected an object in each row, as in another');
  const unknown = Object.keys(row).find((key) => !features.includes(key));
  if (unknown !== undefined) throw invalidInput(name, `it has no column ${quote(unknown)}`);
  const missing = features.find((feature) => !Object.hasOwn(row, feature));
  if (missing !== undefined) throw invalidInput(name, `column ${quote(missing)} is missing`);
  return features.map((feature) => row[feature]);
}

function isOneRow(document: unknown, inputs: readonly TensorSpec[]): boolean {
  if (!isArguments(document)) return inputs.length === 1 && depthOf(document) === inputs[0]!.shape.length - 1;
  return inputs.every(({ name, shape }) => depthOf(document[name]) === shape.length - 1);
}

function withRowAxis(document: unknown): unknown {
  if (!isArguments(document)) return [document];
  return Object.fromEntries(Object.entries(document).map(([name, value]) => [name, [value]]));
}

/** An object of arguments, and not a file. */
function isArguments(document: unknown): document is Record<string, unknown> {
  return isJsonObject(document) && !(Object.hasOwn(document, 'b64') && Object.keys(document).length === 1);
}

function depthOf(value: unknown): number {
  let depth = 0;
  for (let inner = value; Array.isArray(inner); inner = inner[0]) depth += 1;
  return depth;
}

function withoutRowAxis({ shape: [, ...shape], ...tensor }: Tensor): Tensor {
  return { ...tensor, shape };
}

/**
 * A form as one JSON text: fields are JSON, or text where they are not; files are `{"b64": …}`, several of one name
 * a list.
 *
 * @throws {ServeryError} `INVALID_REQUEST`
 */
export async function formToJson(body: Uint8Array, contentType: string): Promise<string> {
  let form: FormData;
  try {
    form = await new Response(body as Uint8Array<ArrayBuffer>, { headers: { 'content-type': contentType } }).formData();
  } catch {
    throw new ServeryError('INVALID_REQUEST', 'Cannot read the body: it is not a form, as its Content-Type says');
  }
  const members: string[] = [];
  for (const name of new Set(form.keys())) {
    const values = await Promise.all(form.getAll(name).map(fieldJson));
    members.push(`${JSON.stringify(name)}:${values.length === 1 ? values[0] : `[${values.join()}]`}`);
  }
  return `{${members.join()}}`;
}

async function fieldJson(value: string | File): Promise<string> {
  if (typeof value !== 'string') {
    return JSON.stringify({ b64: Buffer.from(await value.arrayBuffer()).toString('base64') });
  }
  try {
    JSON.parse(value);
    return value;
  } catch {
    return JSON.stringify(value);
  }
}

/** A method as `/schema.json` lists it. */
export interface MethodSchema {
  readonly name: string;
  readonly route: string;
  readonly batchable: boolean;
  readonly input: object;
  readonly output: object;
  readonly is_task: false;
}

export interface Method {
  readonly model: string;
  readonly signature: Signature;
  /** Of a handler with JSON bodies of its own. */
  readonly route?: { readonly bodySchema: unknown; readonly responseSchema: unknown } | undefined;
  readonly streams: boolean;
  readonly batchable: boolean;
  /** Inputs with named features are data frames. */
  readonly dataframes: boolean;
}

/** What its clients need to call a model by name. */
export function methodSchema({ model, signature, route, streams, batchable, dataframes }: Method): MethodSchema {
  const input = route === undefined ? argumentsSchema(signature.inputs, dataframes) : bodySchema(route.bodySchema);
  const output = streams ? { type: 'string', is_stream: true } : (route?.responseSchema ?? outputSchema(signature));
  // Clients make an attribute of the name; the path is that of the model.
  const name = model.replace(/[^A-Za-z0-9_]/g, '_');
  return { name, route: `/${model}`, batchable, input, output: Object(output) as object, is_task: false };
}

function bodySchema(schema: unknown): object {
  const isObject = isJsonObject(schema) && isJsonObject(schema['properties']);
  return isObject ? schema : { ...(schema as object), root_input: true };
}

function argumentsSchema(inputs: readonly TensorSpec[], dataframes: boolean): object {
  const properties = Object.fromEntries(inputs.map((spec) => [spec.name, argumentSchema(spec, dataframes)]));
  return { title: 'Input', type: 'object', properties, required: inputs.map(({ name }) => name) };
}

function argumentSchema(spec: TensorSpec, dataframes: boolean): object {
  if (dataframes && spec.features !== undefined) {
    return { type: 'dataframe', orient: 'records', columns: spec.features };
  }
  if (spec.datatype !== 'BYTES') return tensorSchema(spec.datatype);
  if (spec.text !== true) return { type: 'file', format: 'binary' };
  // Of a list alone, clients would make one of the letters of a text.
  return { anyOf: [{ type: 'string' }, { type: 'array', items: {} }] };
}

/** A single output that is declared to be bytes is a file to the clients. */
export function fileOutput({ outputs: [only, another] }: Signature): TensorSpec | undefined {
  return another === undefined && only?.text === false ? only : undefined;
}

/** What the bytes are, by how they begin. */
export function fileType(bytes: Uint8Array): string {
  const start = Buffer.from(bytes.subarray(0, 12)).toString('latin1');
  return SIGNATURES.find(([signature]) => signature.test(start))?.[1] ?? 'application/octet-stream';
}

const SIGNATURES: readonly (readonly [RegExp, string])[] = [
  [/^\x89PNG\r\n/, 'image/png'],
  [/^\xff\xd8\xff/, 'image/jpeg'],
  [/^GIF8/, 'image/gif'],
  [/^RIFF....WEBP/s, 'image/webp'],
  [/^%PDF-/, 'application/pdf'],
  [/^RIFF....WAVE/s, 'audio/wav'],
];

/** A schema of the clients as OpenAPI has it: without the types that only they know. */
export function plainSchema(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(plainSchema);
  if (!isJsonObject(schema)) return schema;
  switch (schema['type']) {
    case 'tensor':
      return {};
    case 'dataframe':
      return { type: 'array', items: { type: 'object' } };
    case 'file':
      return { type: 'string', format: 'binary' };
  }
  const { $schema: _, root_input: __, is_stream: ___, ...rest } = schema;
  return Object.fromEntries(Object.entries(rest).map(([key, value]) => [key, plainSchema(value)]));
}

function outputSchema(signature: Signature): object {
  const { outputs } = signature;
  if (fileOutput(signature) !== undefined) return { type: 'file', format: 'binary' };
  const schemas = outputs.map(
    ({ name, datatype }) => [name, datatype === 'BYTES' ? {} : tensorSchema(datatype)] as const,
  );
  if (schemas.length === 1) return schemas[0]![1];
  return { type: 'object', properties: Object.fromEntries(schemas) };
}

/** Any shape: whether there is an axis of rows is up to the caller. */
function tensorSchema(datatype: Exclude<Datatype, 'BYTES'>): object {
  return { type: 'tensor', format: 'numpy-array', dtype: NUMPY_TYPES[datatype] };
}

const NUMPY_TYPES: Readonly<Record<Exclude<Datatype, 'BYTES'>, string>> = {
  BOOL: 'bool_',
  UINT8: 'uint8',
  UINT16: 'uint16',
  UINT32: 'uint32',
  UINT64: 'uint64',
  INT8: 'int8',
  INT16: 'int16',
  INT32: 'int32',
  INT64: 'int64',
  FP16: 'float16',
  FP32: 'float32',
  FP64: 'float64',
};
