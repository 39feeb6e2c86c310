/**
 * Bodies of an invocation, by their content type: JSON, JSON lines, CSV without a header, and NumPy's arrays.
 *
 * SageMaker passes bodies through and leaves their form to the container. These are the forms that its own
 * containers share, so that their clients find the same here.
 */
import { ServeryError, quote } from '../../core/errors.ts';
import type { Signature } from '../../core/signature.ts';
import type { NamedTensor } from '../../core/tensor.ts';
import { encodeCsv, parseBareCsv } from '../csv.ts';
import { decodeInstances, encodePredictions, type InstancesForm } from '../instances.ts';
import {
  InexactInteger,
  countKeys,
  decodeText,
  isJsonObject,
  parseJson,
  parseJsonExactly,
  refuseDuplicateKeys,
  type DecodeLimits,
} from '../json.ts';
import { decodePlainRequest, encodePlainResponse, type PlainAnswer } from '../plain.ts';
import { decodeRows } from '../rows/decode-rows.ts';
import { decodeNpy, encodeNpy, isNpy } from './npy.ts';

/** What was asked, as far as the answer depends on it. */
type JsonForm = InstancesForm | 'list' | 'rows';
type AnswerType = 'application/json' | 'application/jsonlines' | 'text/csv' | 'application/x-npy';

export interface Invocation {
  readonly tensors: readonly NamedTensor[];
  readonly type: AnswerType;
  readonly form: JsonForm;
}

const TYPES: Readonly<Record<string, AnswerType>> = {
  'application/json': 'application/json',
  'application/jsonlines': 'application/jsonlines',
  'application/x-ndjson': 'application/jsonlines',
  'text/csv': 'text/csv',
  'application/x-npy': 'application/x-npy',
};

/** In the order in which one is chosen where any would do. */
const ANSWERS = ['application/json', 'application/jsonlines', 'text/csv', 'application/x-npy'] as const;

/** What a request may declare; one that declares nothing is JSON. */
export const INVOCATION_TYPES = Object.keys(TYPES);

/** @throws {ServeryError} `UNSUPPORTED_MEDIA_TYPE`, and as the form of the body does */
export function decodeInvocation(
  body: Uint8Array,
  mediaType: string,
  signature: Signature,
  limits: DecodeLimits,
): Invocation {
  switch (typeOf(body, mediaType)) {
    case 'application/json':
      return decodeJson(body, signature, limits);
    case 'application/jsonlines':
      return {
        tensors: decodePlainRequest(body, 'ndjson', signature, limits),
        type: 'application/jsonlines',
        form: 'row',
      };
    case 'text/csv': {
      const { rows, nameRow } = parseBareCsv(decodeText(body), signature);
      const tensors = decodeRows(signature, rows, { nonFinite: 'refuse', limits, nameRow });
      return { tensors, type: 'text/csv', form: 'row' };
    }
    case 'application/x-npy': {
      const [input] = signature.inputs;
      if (signature.inputs.length !== 1 || input === undefined) {
        throw new ServeryError(
          'INVALID_REQUEST',
          `Cannot use an array: the model has ${signature.inputs.length} inputs`,
        );
      }
      return { tensors: [decodeNpy(body, input, limits)], type: 'application/x-npy', form: 'list' };
    }
  }
}

export interface Bodies {
  readonly texts: readonly string[];
  readonly type: AnswerType;
}

/**
 * Bodies for a handler with a route of its own: the whole as JSON, or one in each line.
 *
 * @throws {ServeryError} `UNSUPPORTED_MEDIA_TYPE`, `INVALID_REQUEST`
 */
export function decodeBodies(body: Uint8Array, mediaType: string): Bodies {
  const type = typeOf(body, mediaType);
  if (type === 'application/json') return { texts: [decodeText(body)], type };
  if (type === 'application/jsonlines') {
    const texts = decodeText(body)
      .split('\n')
      .filter((line) => line.trim() !== '');
    if (texts.length > 0) return { texts, type };
    throw new ServeryError('INVALID_REQUEST', 'Cannot read the body: it has no line');
  }
  const expected = 'application/json or application/jsonlines';
  throw new ServeryError('UNSUPPORTED_MEDIA_TYPE', `Cannot read the body: it is ${type}, expected ${expected}`, {
    hint: 'The model takes JSON of its own.',
  });
}

/** @throws {ServeryError} `UNSUPPORTED_MEDIA_TYPE` when an answer that is JSON is not wanted */
export function chooseBodyType(accept: string | undefined, { type }: Bodies): AnswerType {
  return choose(accept, type, BODY_ANSWERS);
}

const BODY_ANSWERS = ['application/json', 'application/jsonlines'] as const;

/** @param answers JSON texts; several in one document are a list */
export function encodeAnswers(answers: readonly string[], type: AnswerType): string {
  if (type !== 'application/json') return answers.map((answer) => `${answer}\n`).join('');
  return answers.length === 1 ? answers[0]! : `[${answers.join()}]`;
}

function typeOf(body: Uint8Array, mediaType: string): AnswerType {
  // The client in JavaScript declares this where its caller declares nothing.
  if (mediaType === 'application/octet-stream') return isNpy(body) ? 'application/x-npy' : 'application/json';
  const type = Object.hasOwn(TYPES, mediaType) ? TYPES[mediaType] : undefined;
  if (type !== undefined) return type;
  const expected = 'application/json, application/jsonlines, text/csv or application/x-npy';
  throw new ServeryError(
    'UNSUPPORTED_MEDIA_TYPE',
    `Cannot read the body: its Content-Type is ${quote(mediaType)}, expected ${expected}`,
    { hint: 'Set ContentType in the call.' },
  );
}

function decodeJson(body: Uint8Array, signature: Signature, limits: DecodeLimits): Invocation {
  const type = 'application/json';
  const text = decodeText(body);
  if (/^\s*\{\s*"rows"/.test(text)) {
    return { tensors: decodePlainRequest(body, 'json', signature, limits), type, form: 'rows' };
  }
  if (!/^\s*\[/.test(text)) {
    const { tensors, form } = decodeInstances(body, signature, limits);
    return { tensors, type, form };
  }
  return { tensors: decodeList(text, signature, limits), type, form: 'list' };
}

/** A list of rows, as NumPy's `tolist` gives it: of one axis, each value is a row. */
function decodeList(text: string, signature: Signature, limits: DecodeLimits): readonly NamedTensor[] {
  const read = (list: readonly unknown[]) => {
    const rows = list.map((row) => (typeof row === 'object' ? row : [row]));
    return decodeRows(signature, rows, { nonFinite: 'refuse', limits });
  };
  const list = parseJson(text) as readonly unknown[];
  refuseDuplicateKeys(
    text,
    list.reduce<number>((keys, row) => keys + (isJsonObject(row) ? countKeys(row) : 0), 0),
  );
  try {
    return read(list);
  } catch (error) {
    if (!(error instanceof InexactInteger)) throw error;
    return read(parseJsonExactly(text) as readonly unknown[]);
  }
}

/**
 * The type of an answer: the first of a list that there is for these outputs. `*` stands for the type of the
 * question, where it can be that.
 *
 * @throws {ServeryError} `UNSUPPORTED_MEDIA_TYPE` when there is none
 */
export function chooseAnswer(accept: string | undefined, asked: AnswerType, { outputs }: Signature): AnswerType {
  // An array has one output, and no texts: those would be pickles.
  const hasArray = outputs.length === 1 && outputs[0]?.datatype !== 'BYTES';
  return choose(
    accept,
    asked,
    ANSWERS.filter((type) => type !== 'application/x-npy' || hasArray),
  );
}

function choose(accept: string | undefined, asked: AnswerType, possible: readonly AnswerType[]): AnswerType {
  const first = possible.includes(asked) ? [asked, ...possible] : possible;
  if (accept === undefined || accept.trim() === '') return first[0]!;
  for (const part of accept.toLowerCase().split(',')) {
    const [type = ''] = part.split(';', 1);
    const name = type.trim();
    const known = Object.hasOwn(TYPES, name) ? TYPES[name] : undefined;
    const wild = /^(\*|[a-z]+)\/\*$/.exec(name)?.[1];
    const found = first.find((one) => one === known || wild === '*' || (wild && one.startsWith(`${wild}/`)));
    if (found !== undefined) return found;
  }
  throw new ServeryError(
    'UNSUPPORTED_MEDIA_TYPE',
    `Cannot answer as ${quote(accept)}: expected ${possible.join(', ').replace(/, ([^,]*)$/, ' or $1')}`,
    { hint: 'Set Accept in the call.' },
  );
}

/** @param type that `chooseAnswer` has found for these outputs */
export function encodeInvocation(answer: PlainAnswer, type: AnswerType, form: JsonForm): string | Uint8Array {
  const { signature, outputs, rows } = answer;
  switch (type) {
    case 'application/json':
      return encodeJson(answer, form);
    case 'application/jsonlines':
      return encodePlainResponse(answer, 'ndjson', { labels: false });
    case 'text/csv':
      return encodeCsv(signature, outputs, rows, { labels: false, header: false });
    case 'application/x-npy':
      return encodeNpy(outputs[0]!);
  }
}

function encodeJson(answer: PlainAnswer, form: JsonForm): string {
  const { signature, outputs } = answer;
  if (form === 'rows') return encodePlainResponse(answer, 'json', { labels: false });
  if (form !== 'list') return encodePredictions(signature, outputs, form);
  return encodePredictions(signature, outputs, 'row').slice('{"predictions":'.length, -1);
}
