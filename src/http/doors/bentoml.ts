/**
 * BentoML over HTTP, on a port of its own: a method for each model, health, metrics, and what its clients read first.
 *
 * Paths and bodies of failures: its `_bentoml_impl/server/app.py`.
 */
import { decodeEnvelope } from '../../core/handler-envelope.ts';
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
  type MethodSchema,
} from '../../protocol/bentoml.ts';
import { openApiOf, pageOf, serviceOf } from '../../protocol/bentoml-docs.ts';
import { ArgumentError, inputTitle, validationError } from '../../protocol/bentoml-failure.ts';
import { decodeText, isJsonObject } from '../../protocol/json.ts';
import type { VersionDescriptor } from '../../models/snapshot.ts';
import { BODY_CHUNKS, sendChunks, type ChunkForm } from '../chunks.ts';
import type { HttpDeps } from '../deps.ts';
import type { CreateDoor } from '../door.ts';
import { STATUS, errorHeaders, type ErrorForm } from '../errors.ts';
import type { Exchange } from '../exchange.ts';
import { predictFor, streamFor } from '../prediction.ts';
import type { Route } from '../route.ts';

type HandlerRoute = Pick<NonNullable<VersionDescriptor['route']>, 'bodySchema' | 'responseSchema'>;

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
      exists: ({ name }) => models.snapshot.models.some((model) => model.name === name),
      handle: callMethod(deps),
    },
    probe('/livez', alive),
    probe('/healthz', alive),
    probe('/readyz', (exchange) => {
      if (models.snapshot.ready && !isDraining()) alive(exchange);
      else exchange.send(503, TEXT, 'Runners are not ready.');
    }),
    get('/metrics', async (exchange) => exchange.send(200, METRICS_TYPE, await control.metrics())),
    get('/schema.json', (exchange) => exchange.json(JSON.stringify(serviceOf(methodsOf(deps))))),
    get('/', (exchange) => exchange.send(200, 'text/html; charset=utf-8', pageOf(methodsOf(deps)))),
    get('/docs.json', (exchange) => exchange.json(JSON.stringify(openApiOf(methodsOf(deps))))),
  ];
  return { shared: [], own, errors: bentomlErrors };
};

/** Whatever the chunks are, and without the form of events. */
const STREAM: ChunkForm = { ...BODY_CHUNKS, contentType: () => 'text/event-stream; charset=utf-8' };

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
      await sendChunks(exchange, streamFor(exchange, stream, ref, decode), STREAM, (outputs) =>
        sendBody(exchange, outputs, route),
      );
      return;
    }
    const { signature, outputs } = await predictFor(exchange, predict, ref, decode);
    if (route === undefined && fileOutput(signature) !== undefined) sendFile(exchange, ref.name, outputs[0]!);
    else if (route === undefined) exchange.json(encodeAnswer(signature, outputs, isRow));
    else sendBody(exchange, outputs, route);
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
    throw new ServeryError('UNSUPPORTED_MEDIA_TYPE', `${PICKLE} is not allowed in main server`, {
      hint: 'Use the media type application/json of the client.',
    });
  }
  // A text alone is the body as it is, whatever its type.
  if (isJsonObject(schema) && schema['type'] === 'string') return JSON.stringify(decodeText(body));
  if (FORMS.includes(mediaType)) return formToJson(body, headers['content-type']!);
  return body.length === 0 ? '{}' : decodeText(body);
}

/** The answer of a handler with JSON bodies of its own. */
function sendBody(exchange: Exchange, [output]: readonly Tensor[], route: HandlerRoute | undefined): void {
  const [element = ''] = (output?.data ?? []) as readonly BytesElement[];
  const envelope = decodeEnvelope(element);
  if ('invalid' in envelope) {
    exchange.send(400, 'application/json', validationError(envelope.invalid, inputTitle(route?.bodySchema)));
  } else if (isJsonObject(route?.responseSchema) && route.responseSchema['type'] === 'string') {
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
  if (isRefusal) {
    const issue = error instanceof ArgumentError ? error.issue : { path: [], message, code: 'value_error' };
    return { status, headers, body: validationError([issue]) };
  }
  const said = { error: ITS_WORDS[status] ?? message };
  // Its own exceptions below 500 it puts into a list.
  const isListed = status < 500 && ITS_WORDS[status] === undefined;
  return { status, headers, body: JSON.stringify(isListed ? [said] : said) };
};

const ITS_WORDS: Readonly<Record<number, string>> = {
  401: 'Authorization error',
  403: 'Authorization error',
  429: 'Too many requests',
  500: 'An unexpected error has occurred, please check the server log.',
};
