/**
 * Classification and regression: examples by feature in, classes with scores or values out.
 *
 * An example maps to the inputs of a signature as a row does. Rules and texts: TensorFlow Serving's
 * `util/json_tensor.cc`.
 */
import { ServeryError } from '../../core/errors.ts';
import type { Signature } from '../../core/signature.ts';
import { elementCount, type BytesElement, type NamedTensor, type NumericData, type Tensor } from '../../core/tensor.ts';
import { fromBase64 } from '../base64.ts';
import { fromHalf } from '../half.ts';
import type { InstancesDialect } from '../instances.ts';
import { InexactInteger, decodeText, isJsonObject, type DecodeLimits } from '../json.ts';
import { decodeRows } from '../rows/decode-rows.ts';
import { rowPlan } from '../rows/input-plan.ts';
import { STRICT_FLOATS, type FloatRules } from '../values-in.ts';
import { CLASSES, outputOf, type ExampleMethod } from './method-signature.ts';
import type { SignatureView } from './named-signatures.ts';
import { bare, jsonKind } from './words.ts';

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
  limits: DecodeLimits,
  dialect: InstancesDialect,
): ExamplesRequest {
  if (body.length === 0) throw new ServeryError('INVALID_REQUEST', 'JSON Parse error: The document is empty');
  const text = decodeText(body);
  const read = (document: unknown, isExact: boolean): ExamplesRequest => {
    const { name, examples } = readDocument(document, isExact);
    const { view, output } = outputOf(signature, method, name);
    return { tensors: exampleTensors(view, examples, limits, dialect.floats), view, output };
  };
  const document = dialect.parse(text);
  try {
    return read(document, false);
  } catch (error) {
    if (!(error instanceof InexactInteger)) throw error;
    return read(dialect.parseExactly(text), true);
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
  isExact: boolean,
): { readonly name: string; readonly examples: readonly Example[] } {
  if (!isJsonObject(document)) throw malformed('Is not object');
  const { signature_name: name = '', context, examples } = document;
  if (typeof name !== 'string') {
    throw malformed("not formatted correctly. 'signature_name' key must be a string value.");
  }
  const shared = context === undefined ? {} : readExample(context, isExact);
  if (examples === undefined) {
    throw malformed("When method is classify, key 'examples' is expected and was not found");
  }
  if (!Array.isArray(examples)) throw malformed("Expecting 'examples' value to be an list/array");
  if (examples.length === 0) throw malformed("'examples' value is an empty array");
  return {
    name,
    examples: withContext(
      shared,
      examples.map((example: unknown) => readExample(example, isExact)),
    ),
  };
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

function readExample(value: unknown, isExact: boolean): Example {
  if (!isJsonObject(value)) {
    throw new ServeryError('INVALID_REQUEST', `Example must be JSON object but got JSON ${jsonKind(value)}`);
  }
  return Object.fromEntries(
    Object.entries(value).map(([name, content]) => [
      name,
      Array.isArray(content) ? readFeature(name, content, isExact) : readValue(name, content, isExact),
    ]),
  );
}

/** A feature has values of one kind. Numbers are one here, as 8.0 and 8 are the same in JSON. */
function readFeature(name: string, list: readonly unknown[], isExact: boolean): readonly unknown[] {
  let kind: string | undefined;
  return list.map((item) => {
    const value = readValue(name, item, isExact);
    const isText = typeof item === 'string' || typeof item === 'object';
    kind ??= isText ? 'bytes' : Number.isInteger(Number(item)) ? 'int64' : 'float';
    if (isText === (kind === 'bytes')) return value;
    throw featureProblem(`Unexpected element type in feature: ${bare(name)} expecting type: ${kind}`);
  });
}

const TWO_TO_63 = 2n ** 63n;

/** @param isExact whether what is written without a point or an exponent would be a bigint, were it this large */
function readValue(feature: string, value: unknown, isExact: boolean): unknown {
  if (!isExact && typeof value === 'number' && value >= 2 ** 63 && value <= 2 ** 64) {
    throw new InexactInteger('INVALID_REQUEST', `Feature: ${bare(feature)} has an integer that may be out of range`);
  }
  if (typeof value === 'bigint' && value >= TWO_TO_63 && value < 2n * TWO_TO_63) {
    throw featureProblem(`Feature: ${bare(feature)} has uint64_t element. Only int64_t is supported.`);
  }
  if (typeof value !== 'object') return value;
  if (isJsonObject(value) && typeof value['b64'] === 'string' && Object.keys(value).length === 1) {
    const bytes = fromBase64(value['b64']);
    if (bytes === undefined) throw featureProblem('Unable to base64 decode');
    return bytes;
  }
  throw featureProblem(`Feature: ${bare(feature)} has element with unexpected JSON type: ${jsonKind(value)}`);
}

function featureProblem(problem: string): ServeryError {
  return new ServeryError('INVALID_REQUEST', problem);
}

export interface ScoredClass {
  /** Empty where the model has no names for its classes. */
  readonly label: string;
  readonly score: number;
}

/**
 * Each row's classes, in their order, with their scores. An output `classes` of the same shape names them row by row;
 * without scores they have none.
 */
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
  const at = signature.outputs.findIndex(({ name, datatype }) => name === CLASSES && datatype === 'BYTES');
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
  if (datatype === 'BYTES') return 0;
  const value = (data as NumericData)[at] as number;
  return datatype === 'FP16' ? fromHalf(value) : value;
}

/** The document of the original calls the key `result`; its code and its clients, `results`. */
export function encodeResults(
  signature: Signature,
  outputs: readonly Tensor[],
  output: number,
  method: ExampleMethod,
  dialect: InstancesDialect,
): string {
  const isDouble = outputs[output]!.datatype === 'FP64';
  const number = (score: number): string => {
    const data = isDouble ? Float64Array.of(score) : Float32Array.of(score);
    const tensor: Tensor = { datatype: isDouble ? 'FP64' : 'FP32', shape: [], data };
    return dialect.floatsText(tensor, [], 0, '');
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
