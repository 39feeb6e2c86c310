/**
 * Classification and regression: examples by feature in, classes with scores or values out.
 *
 * An example maps to the inputs of a signature as a row does. Rules and texts: TensorFlow Serving's
 * `util/json_tensor.cc`.
 */
import { ServeryError, quote } from '../../core/errors.ts';
import type { Signature } from '../../core/signature.ts';
import { elementCount, type BytesElement, type NamedTensor, type NumericData, type Tensor } from '../../core/tensor.ts';
import { fromHalf } from '../half.ts';
import type { InstancesDialect } from '../instances.ts';
import {
  DEFAULT_DECODE_LIMITS,
  InexactInteger,
  decodeText,
  isJsonObject,
  parseJson,
  parseJsonExactly,
  type DecodeLimits,
} from '../json.ts';
import { decodeRows } from '../rows/decode-rows.ts';
import { rowPlan } from '../rows/input-plan.ts';
import { STRICT_FLOATS, type FloatRules } from '../values-in.ts';
import { jsonValue } from '../values-out.ts';
import { outputOf, type ExampleMethod } from './method-signature.ts';
import type { SignatureView } from './named-signatures.ts';

/** Values of a feature, by its name. */
export type Example = Readonly<Record<string, unknown>>;

export interface ExamplesRequest {
  /** For `checkInputs`. */
  readonly tensors: readonly NamedTensor[];
  /** The signature that is asked for. */
  readonly view: SignatureView;
  /** Position of the output that is asked for, among those of the signature. */
  readonly output: number;
}

/** @throws {ServeryError} `INVALID_REQUEST`, `INVALID_INPUT` */
export function decodeExamples(
  body: Uint8Array,
  method: ExampleMethod,
  signature: Signature,
  limits: DecodeLimits = DEFAULT_DECODE_LIMITS,
  dialect?: InstancesDialect,
): ExamplesRequest {
  if (body.length === 0) throw new ServeryError('INVALID_REQUEST', 'JSON Parse error: The document is empty');
  const text = decodeText(body);
  const read = (document: unknown): ExamplesRequest => {
    const { name, examples } = readDocument(document, method);
    const { view, output } = outputOf(signature, method, name);
    return { tensors: exampleTensors(view, examples, limits, dialect?.floats), view, output };
  };
  const document = dialect === undefined ? parseJson(text) : dialect.parse(text);
  try {
    return read(document);
  } catch (error) {
    if (!(error instanceof InexactInteger)) throw error;
    return read(dialect === undefined ? parseJsonExactly(text) : dialect.parseExactly(text));
  }
}

/** Features that the model does not have are left alone, as whoever writes an example writes all there are. */
export function exampleTensors(
  { signature, complete }: SignatureView,
  examples: readonly Example[],
  limits: DecodeLimits,
  floats: FloatRules = STRICT_FLOATS,
): readonly NamedTensor[] {
  const single = new Set(rowPlan(signature).inputs.flatMap(({ keys }) => keys ?? []));
  const rows = examples.map((example) => {
    const row = Object.create(null) as Record<string, unknown>;
    for (const [name, value] of Object.entries(example)) {
      // A feature is a list always; an input of one value a row takes its only one.
      row[name] = single.has(name) && Array.isArray(value) && value.length === 1 ? (value as unknown[])[0] : value;
    }
    return row;
  });
  const nameRow = (index: number) => `examples[${index}]`;
  const tensors = decodeRows(signature, rows, {
    unknownKeys: 'ignore',
    nonFinite: floats.nonFinite ? 'accept' : 'refuse',
    limits,
    nameRow,
  });
  return complete(tensors);
}

function readDocument(
  document: unknown,
  method: ExampleMethod,
): { readonly name: string; readonly examples: readonly Example[] } {
  if (!isJsonObject(document)) throw malformed('Is not object');
  const { signature_name: name = '', context, examples } = document;
  if (typeof name !== 'string') {
    throw malformed("not formatted correctly. 'signature_name' key must be a string value.");
  }
  const shared = context === undefined ? {} : readExample(context);
  if (examples === undefined) {
    throw malformed(`When method is ${method}, key 'examples' is expected and was not found`);
  }
  if (!Array.isArray(examples)) throw malformed("Expecting 'examples' value to be an list/array");
  if (examples.length === 0) throw malformed("'examples' value is an empty array");
  return { name, examples: withContext(shared, examples.map(readExample)) };
}

/** Of one request. What the examples share counts once for each: few megabytes could make billions of them. */
const MAX_SHARED_FEATURES = 2 ** 22;

/** @throws {ServeryError} `INVALID_REQUEST` */
export function withContext(context: Example, examples: readonly Example[]): readonly Example[] {
  const features = Object.keys(context).length * examples.length;
  if (features <= MAX_SHARED_FEATURES) return examples.map((example) => ({ ...context, ...example }));
  const problem = `its context makes ${features} features of ${examples.length} examples, at most ${MAX_SHARED_FEATURES} may be`;
  throw new ServeryError('INVALID_REQUEST', `Cannot read the request: ${problem}`, {
    hint: 'Send fewer examples at once.',
  });
}

function readExample(value: unknown): Example {
  if (!isJsonObject(value)) throw malformed(`Example must be JSON object but got JSON ${kindOf(value)}`);
  return Object.fromEntries(
    Object.entries(value).map(([name, content]) => {
      const values = Array.isArray(content) ? content.map((item) => readValue(name, item)) : readValue(name, content);
      return [name, values];
    }),
  );
}

function readValue(feature: string, value: unknown): unknown {
  if (typeof value !== 'object') return value;
  if (isJsonObject(value) && typeof value['b64'] === 'string' && Object.keys(value).length === 1) {
    if (/^[A-Za-z0-9+/_-]*={0,2}$/.test(value['b64'])) return new Uint8Array(Buffer.from(value['b64'], 'base64'));
    throw new ServeryError('INVALID_REQUEST', 'Unable to base64 decode');
  }
  const problem = `has element with unexpected JSON type: ${kindOf(value)}`;
  throw new ServeryError('INVALID_REQUEST', `Feature: ${quote(feature)} ${problem}`);
}

/** As the original names them. */
function kindOf(value: unknown): string {
  if (value === null) return 'Null';
  if (Array.isArray(value)) return 'Array';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  return typeof value === 'object' ? 'Object' : typeof value === 'string' ? 'String' : 'Number';
}

export interface ScoredClass {
  /** Empty where the model has no names for its classes. */
  readonly label: string;
  readonly score: number;
}

/** Each row's classes, in their order, with their scores. An output `classes` of the same shape names them row by row. */
export function classesOf(signature: Signature, outputs: readonly Tensor[], output: number): readonly ScoredClass[][] {
  const { labels } = signature.outputs[output]!;
  const tensor = outputs[output]!;
  const classes = elementCount(tensor.shape.slice(1));
  const names = classNames(signature, outputs, tensor);
  return Array.from({ length: tensor.shape[0]! }, (_, row) =>
    Array.from({ length: classes }, (_value, i) => ({
      label: names === undefined ? (labels?.[i] ?? '') : names[row * classes + i]!,
      score: numberAt(tensor, row * classes + i),
    })),
  );
}

function classNames(signature: Signature, outputs: readonly Tensor[], scores: Tensor): readonly string[] | undefined {
  const at = signature.outputs.findIndex(({ name, datatype }) => name === 'classes' && datatype === 'BYTES');
  const names = outputs[at];
  if (names === undefined || names.data.length !== scores.data.length) return undefined;
  return (names.data as readonly BytesElement[]).map((name) =>
    typeof name === 'string' ? name : new TextDecoder().decode(name),
  );
}

/** Each row's value. */
export function valuesOf(outputs: readonly Tensor[], output: number): readonly number[] {
  const tensor = outputs[output]!;
  return Array.from({ length: tensor.shape[0]! }, (_, row) => numberAt(tensor, row));
}

function numberAt({ datatype, data }: Tensor, at: number): number {
  const value = (data as NumericData)[at] as number;
  return datatype === 'FP16' ? fromHalf(value) : value;
}

/** The document of the original calls the key `result`; its code and its clients, `results`. */
export function encodeResults(
  signature: Signature,
  outputs: readonly Tensor[],
  output: number,
  method: ExampleMethod,
  dialect?: InstancesDialect,
): string {
  const isDouble = outputs[output]!.datatype === 'FP64';
  const number = (score: number): string => {
    const data = isDouble ? Float64Array.of(score) : Float32Array.of(score);
    const tensor: Tensor = { datatype: isDouble ? 'FP64' : 'FP32', shape: [], data };
    return dialect === undefined ? jsonValue(tensor, 0, '') : dialect.floatsText(tensor, [], 0, '');
  };
  const results =
    method === 'regress'
      ? valuesOf(outputs, output).map(number)
      : classesOf(signature, outputs, output).map(
          (row) => `[${row.map(({ label, score }) => `[${JSON.stringify(label)},${number(score)}]`).join(',')}]`,
        );
  return `{"results":[${results.join(',')}]}`;
}

function malformed(problem: string): ServeryError {
  return new ServeryError('INVALID_REQUEST', `JSON Value: ${problem}`);
}
