/**
 * What TorchServe's clients send to a model: a body of any type, or fields of a form (over gRPC: of a map).
 *
 * TorchServe gives these to Python code, which knows what to do with them. Here the signature says: fields with the
 * names of features are one row, a lone field `data` or `body` is a body of its own, JSON is one row or a list of
 * them, and a model whose only input is one BYTES value takes any other body as it is.
 */
import { ServeryError, quote } from '../../core/errors.ts';
import type { Signature } from '../../core/signature.ts';
import { elementCount, type NamedTensor } from '../../core/tensor.ts';
import { readForm, type FormField } from '../form-data.ts';
import { decodeInstances, instancesTensors } from '../instances.ts';
import {
  InexactInteger,
  countAllKeys,
  countKeys,
  decodeText,
  isJsonObject,
  parseJson,
  parseJsonExactly,
  refuseDuplicateKeys,
  type DecodeLimits,
} from '../json.ts';
import { decodeRows } from '../rows/decode-rows.ts';
import { rowPlan } from '../rows/input-plan.ts';

/** The parameter that names a model where a path does not. It is no feature. */
export const MODEL_NAME = 'model_name';

/** What its handlers look for, whatever it is. */
const LONE_FIELDS = ['data', 'body'];

/** One row is answered by itself, a list of rows by a list, `instances` by `predictions`. */
export type AnswerForm = 'one' | 'many' | 'instances';

export interface TorchServeRequest {
  readonly form: AnswerForm;
  /** In the order of the signature; for `checkInputs`. */
  readonly tensors: readonly NamedTensor[];
}

/**
 * @param contentType as it was declared; empty when it was not
 * @throws {ServeryError} `INVALID_REQUEST`, `INVALID_INPUT`, `PAYLOAD_TOO_LARGE`
 */
export function decodeBody(
  body: Uint8Array,
  contentType: string,
  signature: Signature,
  limits: DecodeLimits,
): TorchServeRequest {
  // What `curl -d` sends is called a form, whatever it is.
  const fields = looksLikeJson(body) ? undefined : readForm(body, contentType);
  if (fields !== undefined) return decodeFields(fields, signature, limits);
  return decodeOne(body, /^\s*application\/json\b/i.test(contentType), signature, limits);
}

/** A query as the fields of a form, which it stands for where there is no body. */
export function readQuery(query: string): readonly FormField[] {
  return readForm(Buffer.from(query), 'application/x-www-form-urlencoded') ?? [];
}

/** A field of a body that is a form, as text; undefined where there is none. */
export function formField(body: Uint8Array, contentType: string, name: string): string | undefined {
  const field = looksLikeJson(body) ? undefined : readForm(body, contentType)?.find((one) => one.name === name);
  return field === undefined ? undefined : decodeText(field.bytes);
}

/** @throws {ServeryError} as `decodeBody` */
export function decodeFields(all: readonly FormField[], signature: Signature, limits: DecodeLimits): TorchServeRequest {
  const { knownKeys, inputs } = rowPlan(signature);
  const fields = all.filter(({ name }) => name !== MODEL_NAME || knownKeys.has(name));
  const [first] = fields;
  if (first === undefined) throw new ServeryError('INVALID_REQUEST', 'Cannot read the form: it has no fields');
  if (fields.length === 1 && !knownKeys.has(first.name) && LONE_FIELDS.includes(first.name)) {
    return decodeOne(first.bytes, first.mediaType === 'application/json', signature, limits);
  }
  const read = (parse: (text: string, what: string) => unknown): TorchServeRequest => {
    const row = new Map<string, unknown>();
    for (const { name, bytes } of fields) {
      if (row.has(name)) {
        throw new ServeryError('INVALID_REQUEST', `Cannot read the form: the field ${quote(name)} is given twice`);
      }
      const input = inputs.find(({ spec, keys }) => spec.name === name || keys?.includes(name) === true)?.spec;
      if (input?.datatype === 'BYTES') row.set(name, input.text === true ? decodeText(bytes) : bytes);
      else row.set(name, input === undefined ? undefined : parse(decodeText(bytes), `the field ${quote(name)}`));
    }
    const rows = [Object.fromEntries(row)];
    const options = { nonFinite: 'refuse', limits, nameRow: () => 'the form' } as const;
    return { form: 'one', tensors: decodeRows(signature, rows, options) };
  };
  return exactlyIfNeeded(read);
}

function decodeOne(body: Uint8Array, isJson: boolean, signature: Signature, limits: DecodeLimits): TorchServeRequest {
  const raw = isJson ? undefined : rawTensor(body, signature);
  return raw === undefined ? decodeJson(body, signature, limits) : { form: 'one', tensors: [raw] };
}

/** The body as the only value that the model takes, or undefined when it takes more, or no bytes. */
function rawTensor(body: Uint8Array, { inputs, batched }: Signature): NamedTensor | undefined {
  const [spec, second] = inputs;
  if (spec?.datatype !== 'BYTES' || second !== undefined) return undefined;
  const shape = spec.shape.map((size, axis) => (batched && axis === 0 ? 1 : (size ?? 1)));
  if (elementCount(shape) !== 1) return undefined;
  return { name: spec.name, datatype: 'BYTES', shape, data: [spec.text === true ? decodeText(body) : body] };
}

function decodeJson(body: Uint8Array, signature: Signature, limits: DecodeLimits): TorchServeRequest {
  const text = decodeText(body);
  const { knownKeys, inputs, slots } = rowPlan(signature);
  // A row that is a list is nested as deep as the only input, or holds the values of all.
  const rowDepth = slots === undefined ? Math.max(1, inputs[0]?.rowShape.length ?? 1) : 1;
  return exactlyIfNeeded((parse) => {
    const document = parse(text, 'the body');
    if (isJsonObject(document) && Object.hasOwn(document, 'instances') && !knownKeys.has('instances')) {
      const lone = withoutLoneKey(document['instances'], knownKeys);
      const tensors =
        lone === undefined
          ? decodeInstances(body, signature, limits).tensors
          : instancesTensors(lone, signature, limits, text.length);
      return { form: 'instances', tensors };
    }
    refuseDuplicateKeys(text, countAllKeys(document, limits.maxNesting));
    const isMany = Array.isArray(document) && depthOf(document) > rowDepth;
    const rows: readonly unknown[] = isMany ? (document as unknown[]) : [asRow(document)];
    const nameRow = isMany ? (i: number) => `row ${i} of the body` : () => 'the body';
    const tensors = decodeRows(signature, rows, { nonFinite: 'refuse', limits, nameRow });
    return { form: isMany ? 'many' : 'one', tensors };
  });
}

/** The values of `[{"data": …}, …]`, as its envelopes take them for a handler; undefined where they are not all so. */
function withoutLoneKey(instances: unknown, knownKeys: ReadonlySet<string>): readonly unknown[] | undefined {
  const [first] = Array.isArray(instances) ? (instances as unknown[]) : [];
  const key = isJsonObject(first) ? LONE_FIELDS.find((name) => Object.hasOwn(first, name)) : undefined;
  if (key === undefined || knownKeys.has(key)) return undefined;
  const list = instances as readonly Readonly<Record<string, unknown>>[];
  const areAll = list.every((item) => isJsonObject(item) && countKeys(item) === 1 && Object.hasOwn(item, key));
  return areAll ? list.map((item) => item[key]) : undefined;
}

/** A value alone stands for the row that has only this. */
function asRow(document: unknown): unknown {
  return typeof document === 'object' && document !== null ? document : [document];
}

/** Levels of lists, by the first element of each; an object counts as a row, which is one level. */
function depthOf(document: unknown): number {
  let depth = 0;
  let value = document;
  while (Array.isArray(value)) {
    depth += 1;
    value = (value as readonly unknown[])[0];
  }
  return isJsonObject(value) ? Infinity : depth;
}

function exactlyIfNeeded(read: (parse: (text: string, what: string) => unknown) => TorchServeRequest) {
  try {
    return read(parseJson);
  } catch (error) {
    if (!(error instanceof InexactInteger)) throw error;
    return read(parseJsonExactly);
  }
}

const SPACE = new Set([0x20, 0x09, 0x0a, 0x0d]);

function looksLikeJson(body: Uint8Array): boolean {
  const first = body.find((byte) => !SPACE.has(byte));
  return first === 0x7b || first === 0x5b;
}
