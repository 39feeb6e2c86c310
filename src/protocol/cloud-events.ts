/**
 * CloudEvents around predictions, as KServe takes them: with its attributes in headers (binary), or as JSON around the
 * data (structured). The answer comes in the form of the question.
 *
 * https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md; which attributes an
 * answer has: KServe, `utils/utils.py`.
 */
import { randomUUID } from 'node:crypto';
import { ServeryError, quote } from '../core/errors.ts';
import { fromBase64 } from './base64.ts';
import { decodeText, isJsonObject, parseJson, parseJsonExactly } from './json.ts';

const EVENT_TYPE = 'application/cloudevents+json';

const REQUIRED = ['specversion', 'id', 'source', 'type'];
const VERSIONS: readonly unknown[] = ['1.0', '0.3'];

type Headers = Readonly<Record<string, string | readonly string[] | undefined>>;

export interface EventBody {
  readonly data: Uint8Array;
  /** Undefined: it is no event. */
  readonly form: 'binary' | 'structured' | undefined;
}

/** @throws {ServeryError} `INVALID_REQUEST` */
export function readEvent(headers: Headers, mediaType: string, body: Uint8Array): EventBody {
  if (REQUIRED.every((name) => headers[`ce-${name}`] !== undefined)) {
    checkVersion(headers['ce-specversion']);
    return { data: body, form: 'binary' };
  }
  if (mediaType !== EVENT_TYPE) return { data: body, form: undefined };
  const text = decodeText(body);
  const event = parseJson(text);
  const missing = REQUIRED.find((name) => !isJsonObject(event) || typeof event[name] !== 'string');
  if (!isJsonObject(event) || missing !== undefined) throw invalid(`its attribute ${quote(missing ?? '')} is missing`);
  checkVersion(event['specversion']);
  if (typeof event['data_base64'] === 'string') {
    const data = fromBase64(event['data_base64']);
    if (data === undefined) throw invalid('its data_base64 is not base64');
    return { data, form: 'structured' };
  }
  if (event['data'] === undefined) throw invalid('it has no data');
  // Integers beyond 2^53 as they were.
  const { data } = parseJsonExactly(text) as { readonly data: unknown };
  return { data: Buffer.from(JSON.stringify(data, (_, value: unknown) => rawInteger(value))), form: 'structured' };
}

function rawInteger(value: unknown): unknown {
  if (typeof value !== 'bigint') return value;
  return (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON(String(value));
}

function checkVersion(version: unknown): void {
  if (!VERSIONS.includes(version)) throw invalid(`its specversion is not one of ${VERSIONS.join(', ')}`);
}

function invalid(problem: string): ServeryError {
  return new ServeryError('INVALID_REQUEST', `Cannot read the body as a CloudEvent: ${problem}`);
}

export interface EventAnswer {
  readonly contentType: string;
  readonly body: string;
  /** Names and values in turn. */
  readonly headers: readonly string[];
}

/** @param data JSON text */
export function encodeEvent(data: string, model: string, form: 'binary' | 'structured'): EventAnswer {
  const attributes = {
    specversion: '1.0',
    id: randomUUID(),
    source: `io.kserve.inference.${model}`,
    type: 'io.kserve.inference.response',
    time: new Date().toISOString(),
  };
  if (form === 'binary') {
    const headers = Object.entries(attributes).flatMap(([name, value]) => [`ce-${name}`, value]);
    return { contentType: 'application/json', body: data, headers };
  }
  return { contentType: EVENT_TYPE, body: `${JSON.stringify(attributes).slice(0, -1)},"data":${data}}`, headers: [] };
}
