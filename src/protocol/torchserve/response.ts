/** What TorchServe's default handlers answer: one result by itself, text and bytes as they are, all else as JSON. */
import { decodeEnvelope } from '../../core/handler-envelope.ts';
import { ServeryError } from '../../core/errors.ts';
import type { ModelVersion } from '../../core/model.ts';
import type { Signature } from '../../core/signature.ts';
import { elementCount, type BytesElement, type Tensor } from '../../core/tensor.ts';
import type { InferRequest } from '../open-inference/infer-types.ts';
import { columnsOf } from '../rows/columns.ts';
import { jsonCell, jsonRows } from '../rows/encode-rows.ts';
import type { AnswerForm } from './request.ts';

export interface TorchServeAnswer {
  readonly contentType: string;
  readonly body: string | Uint8Array;
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** @throws {ServeryError} `UNSUPPORTED` when bytes that are not text stand in JSON */
export function encodeAnswer(
  signature: Signature,
  outputs: readonly Tensor[],
  rows: number,
  form: AnswerForm,
): TorchServeAnswer {
  const [only, second] = outputs;
  const isSingle = only !== undefined && second === undefined;
  if (form === 'one' && isSingle && only.datatype === 'BYTES' && elementCount(only.shape) === 1) {
    return asItIs(only.data[0] as BytesElement);
  }
  const values = isSingle ? valuesOf(signature, only, rows) : [...jsonRows(signature, outputs, rows, false)];
  if (form === 'one') return json(values[0]!);
  return json(form === 'many' ? `[${values.join(',')}]` : `{"predictions":[${values.join(',')}]}`);
}

/** @param explanations JSON texts, one for each row */
export function encodeExplanations(explanations: readonly string[], form: AnswerForm): TorchServeAnswer {
  const [first = 'null'] = explanations;
  if (form === 'one') return first.startsWith('"') ? asItIs(JSON.parse(first) as string) : json(first);
  return json(form === 'many' ? `[${explanations.join(',')}]` : `{"explanations":[${explanations.join(',')}]}`);
}

/**
 * The same in KServe's second protocol: a tensor for each row, named as its inputs are in turn.
 *
 * @param explanations JSON texts, one for each row
 */
export function encodeTensorExplanations(
  { name, version }: ModelVersion,
  { id, inputs }: Pick<InferRequest, 'id' | 'inputs'>,
  explanations: readonly string[],
): string {
  const outputs = explanations.map((text, i) => {
    const value: unknown = JSON.parse(text);
    const list: readonly unknown[] = Array.isArray(value) ? (value.flat(Infinity) as unknown[]) : [value];
    const isNumeric = list.every((item) => typeof item === 'number');
    const data = isNumeric ? list : list.map((item) => (typeof item === 'string' ? item : JSON.stringify(item)));
    const datatype = !isNumeric ? 'BYTES' : list.every(Number.isInteger) ? 'INT64' : 'FP64';
    return { name: inputs[i % inputs.length]?.name ?? 'explanation', datatype, data, shape: [data.length] };
  });
  return prettyJson({ ...(id !== undefined && { id }), model_name: name, model_version: String(version), outputs });
}

function valuesOf(signature: Signature, output: Tensor, rows: number): readonly string[] {
  const [column] = columnsOf(signature, [output], false);
  return Array.from({ length: rows }, (_, row) => jsonCell(column!, output, row));
}

/**
 * The answer of a handler that has a route of its own, and takes bodies of its own.
 *
 * @throws {ServeryError} `INVALID_INPUT` when its schema refused the body, `HANDLER_FAILED` without an answer
 */
export function answerOfHandler([output]: readonly Tensor[]): TorchServeAnswer {
  const element = output?.data[0] as BytesElement | undefined;
  if (element === undefined) throw new ServeryError('HANDLER_FAILED', 'The handler gave no answer');
  const envelope = decodeEnvelope(element);
  if ('ok' in envelope) return json(envelope.ok);
  const issues = envelope.invalid.map(({ path, message }) => `${path.join('.') || 'body'}: ${message}`);
  throw new ServeryError('INVALID_INPUT', `Cannot use the body: ${issues.join('; ')}`);
}

function asItIs(element: BytesElement): TorchServeAnswer {
  if (typeof element === 'string') return { contentType: 'text/plain; charset=utf-8', body: element };
  try {
    return { contentType: 'text/plain; charset=utf-8', body: utf8.decode(element) };
  } catch {
    return { contentType: 'application/octet-stream', body: element };
  }
}

function json(body: string): TorchServeAnswer {
  return { contentType: 'application/json', body };
}

/** As its JSON writer prints it: indented, `&` and quotes escaped as for a page, and a line break at the end. */
export function prettyJson(value: object): string {
  const text = JSON.stringify(value, undefined, 2).replace(
    /[<>&='\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  return `${text}\n`;
}

/** @param isHealthy whether all that should be live is live */
export function healthJson(isHealthy: boolean): string {
  return prettyJson({ status: isHealthy ? 'Healthy' : 'Unhealthy' });
}
