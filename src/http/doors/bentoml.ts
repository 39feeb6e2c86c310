/**
 * BentoML over HTTP, on a port of its own: a method for each model, health, metrics, and what its clients read first.
 *
 * Paths and bodies of failures: its `_bentoml_impl/server/app.py`.
 */
import { decodeEnvelope, type BodyIssue } from '../../core/handler-envelope.ts';
import { ServeryError, type ErrorCode } from '../../core/errors.ts';
import type { Signature } from '../../core/signature.ts';
import type { BytesElement, Tensor } from '../../core/tensor.ts';
import {
  decodeArguments,
  encodeAnswer,
  fileOutput,
  fileType,
  formToJson,
  methodSchema,
  plainSchema,
  type MethodSchema,
} from '../../protocol/bentoml.ts';
import { decodeText, isJsonObject } from '../../protocol/json.ts';
import { BODY_CHUNKS, sendChunks } from '../chunks.ts';
import type { HttpDeps } from '../deps.ts';
import type { CreateDoor } from '../door.ts';
import { STATUS, errorHeaders, type ErrorForm } from '../errors.ts';
import type { Exchange } from '../exchange.ts';
import { predictFor, streamFor } from '../prediction.ts';
import type { Route } from '../route.ts';

const TEXT = 'text/plain; charset=utf-8';
const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8';
const PICKLE = 'application/vnd.bentoml+pickle';
const FORMS: readonly string[] = ['multipart/form-data', 'application/x-www-form-urlencoded'];

export const bentomlDoor: CreateDoor = (deps, isDraining) => {
  const { models, control } = deps;
  const get = (path: string, handle: Route['handle']): Route => ({ method: 'GET', path, scope: 'read', handle });
  const probe = (path: string, handle: Route['handle']): Route => {
    return { ...get(path, handle), scope: 'none', whileDraining: true };
  };
  const alive = (exchange: Exchange) => exchange.send(200, TEXT, '\n');
  const own: readonly Route[] = [
    {
      method: 'POST',
      path: '/:model',
      scope: 'predict',
      body: { mediaTypes: ['application/json', 'multipart/form-data'], anyType: true },
      predicts: true,
      handle: callMethod(deps),
    },
    probe('/livez', alive),
    probe('/healthz', alive),
    probe('/readyz', (exchange) => {
      if (models.snapshot.ready && !isDraining()) alive(exchange);
      else exchange.send(503, TEXT, 'Runners are not ready.');
    }),
    get('/metrics', async (exchange) => exchange.send(200, METRICS_TYPE, await control.metrics())),
    get('/schema.json', (exchange) =>
      exchange.json(JSON.stringify({ name: 'servery', type: 'service', routes: methodsOf(deps) })),
    ),
    get('/docs.json', (exchange) => exchange.json(JSON.stringify(openApiOf(methodsOf(deps))))),
  ];
  return { shared: [], own, errors: bentomlErrors };
};

function callMethod({ predict, stream, models, options }: HttpDeps): (exchange: Exchange) => Promise<void> {
  const limits = { maxNesting: options.maxNesting, maxElements: options.maxElements };
  return async (exchange) => {
    exchange.addHeader('x-bentoml-request-id', exchange.requestId);
    const ref = exchange.target!.model;
    const { route, streams } = models.describe(ref);
    const text = await readArguments(exchange, route?.bodySchema);
    let isRow = false;
    const decode = (signature: Signature) => {
      if (route !== undefined) {
        const name = signature.inputs[0]?.name ?? 'body';
        return [{ name, datatype: 'BYTES' as const, shape: [1], data: [text] }];
      }
      const read = decodeArguments(text, signature, limits);
      ({ isRow } = read);
      return read.tensors;
    };
    if (streams === true) {
      await sendChunks(exchange, streamFor(exchange, stream, ref, decode), BODY_CHUNKS, (outputs) =>
        sendBody(exchange, outputs, {}),
      );
      return;
    }
    const { signature, outputs } = await predictFor(exchange, predict, ref, decode);
    if (route === undefined && fileOutput(signature) !== undefined) sendFile(exchange, ref.name, outputs[0]!);
    else if (route === undefined) exchange.json(encodeAnswer(signature, outputs, isRow));
    else sendBody(exchange, outputs, route.responseSchema);
  };
}

/** Its clients write it to a file of their own, whose name ends in this one. */
function sendFile(exchange: Exchange, model: string, { data }: Tensor): void {
  const [element, another] = data as readonly BytesElement[];
  if (element === undefined || another !== undefined) {
    throw new ServeryError('INVALID_REQUEST', `Cannot answer with ${data.length} files: ask for one row`);
  }
  const bytes = typeof element === 'string' ? Buffer.from(element) : element;
  const type = fileType(bytes);
  const ending = type === 'application/octet-stream' ? 'bin' : type.slice(type.indexOf('/') + 1);
  exchange.addHeader('content-disposition', `attachment; filename="${model}.${ending}"`);
  exchange.send(200, type, bytes);
}

/** The body as JSON text. */
async function readArguments({ body, headers, mediaType }: Exchange, schema: unknown): Promise<string> {
  if (mediaType === PICKLE) {
    throw new ServeryError('UNSUPPORTED_MEDIA_TYPE', 'Cannot read the body: code is never loaded from a request', {
      hint: 'Use the media type application/json of the client.',
    });
  }
  if (FORMS.includes(mediaType)) return formToJson(body, headers['content-type']!);
  if (body.length === 0) return '{}';
  const isRoot = isJsonObject(schema) && !isJsonObject(schema['properties']);
  // A client sends a lone text as it is.
  if (mediaType === 'text/plain' && isRoot) return JSON.stringify(decodeText(body));
  return decodeText(body);
}

/** The answer of a handler with JSON bodies of its own. */
function sendBody(exchange: Exchange, [output]: readonly Tensor[], schema: unknown): void {
  const [element = ''] = (output?.data ?? []) as readonly BytesElement[];
  const envelope = decodeEnvelope(element);
  if ('invalid' in envelope) {
    exchange.send(400, 'application/json', validationError(envelope.invalid));
  } else if (isJsonObject(schema) && schema['type'] === 'string') {
    exchange.send(200, TEXT, JSON.parse(envelope.ok) as string);
  } else exchange.json(envelope.ok);
}

function methodsOf({ models, protocols }: HttpDeps): readonly MethodSchema[] {
  const { dataframes } = protocols.bentoml;
  return models.snapshot.models.flatMap(({ name, defaultVersion, versions }) => {
    if (!versions.some(({ version, key }) => version === defaultVersion && key !== undefined)) return [];
    const { signature, route, streams = false, batchable } = models.describe({ name });
    return [methodSchema({ model: name, signature, route, streams, batchable, dataframes })];
  });
}

function openApiOf(methods: readonly MethodSchema[]): object {
  const paths = methods.map(({ name, route, input, output }) => {
    const schema = plainSchema(input);
    const content = { 'application/json': { schema }, 'multipart/form-data': { schema } };
    const answer = { description: 'The answer.', content: { [answerType(output)]: { schema: plainSchema(output) } } };
    const failures = [400, 500, 503].map((status) => [status, { $ref: '#/components/responses/Failure' }] as const);
    const responses = { 200: answer, ...Object.fromEntries(failures) };
    return [route, { post: { operationId: name, requestBody: { required: true, content }, responses } }] as const;
  });
  const error = { type: 'object', properties: { error: { type: 'string' }, detail: {} }, required: ['error'] };
  const failure = { description: 'Why there is no answer.', content: { 'application/json': { schema: error } } };
  const info = { title: 'servery', version: '1', description: 'A method for each model.' };
  // The version in which schemas are those of JSON Schema, as handlers have them.
  return { openapi: '3.1.0', info, paths: Object.fromEntries(paths), components: { responses: { Failure: failure } } };
}

function answerType(output: object): string {
  const { type } = output as { readonly type?: unknown };
  return type === 'file' ? 'application/octet-stream' : type === 'string' ? 'text/plain' : 'application/json';
}

/** Its router answers these before any method does. */
const NOT_ROUTED: ReadonlySet<ErrorCode> = new Set(['NOT_FOUND', 'METHOD_NOT_ALLOWED', 'MODEL_NOT_FOUND']);

const bentomlErrors: ErrorForm = (error) => {
  const { code, message } = error;
  const status = code === 'QUEUE_FULL' ? 429 : STATUS[code];
  const headers = errorHeaders(error);
  const isRefusal = code === 'INVALID_INPUT' || code === 'INVALID_REQUEST';
  if (NOT_ROUTED.has(code)) {
    return { status, headers, contentType: TEXT, body: status === 405 ? 'Method Not Allowed' : 'Not Found' };
  }
  if (isRefusal) return { status, headers, body: validationError([{ path: [], message, code: 'value_error' }]) };
  return { status, headers, body: JSON.stringify({ error: ITS_WORDS[status] ?? message }) };
};

const ITS_WORDS: Readonly<Record<number, string>> = {
  401: 'Authorization error',
  403: 'Authorization error',
  429: 'Too many requests',
  500: 'An unexpected error has occurred, please check the server log.',
};

function validationError(issues: readonly BodyIssue[]): string {
  return JSON.stringify({
    error: `${issues.length} validation error for Input`,
    detail: issues.map(({ path, message, code }) => ({ type: code, loc: path, msg: message })),
  });
}
