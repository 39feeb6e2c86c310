/**
 * Predictions by rows: what a person with curl or a browser uses. The answer has the form of the question; that of a
 * handler that streams comes in chunks.
 */
import { ServeryError } from '../core/errors.ts';
import { readAnswers } from '../core/handler-envelope.ts';
import type { ModelVersion } from '../core/model.ts';
import {
  decodePlainRequest,
  decodeRowRequest,
  encodePlainResponse,
  PLAIN_CONTENT_TYPES,
  plainForm,
} from '../protocol/plain.ts';
import { chunkForm, sendChunks, type ChunkForm } from './chunks.ts';
import type { HttpDeps } from './deps.ts';
import type { Exchange } from './exchange.ts';
import { predictFor, streamFor } from './prediction.ts';
import type { Route } from './route.ts';

const BODY = { mediaTypes: ['application/json', 'application/x-ndjson', 'text/csv'] };

export function plainRoutes({ predict, stream, models, options }: HttpDeps): readonly Route[] {
  const limits = { maxNesting: options.maxNesting, maxElements: options.maxElements };

  async function predictRows(exchange: Exchange): Promise<void> {
    const { body, mediaType } = exchange;
    const form = plainForm(mediaType) ?? 'json';
    const labels = exchange.query !== '' && wantsLabels(exchange.query);
    const { model, signature, outputs, rows } = await predictFor(
      exchange,
      predict,
      exchange.target!.model,
      (signature) => decodePlainRequest(body, form, signature, limits),
    );
    const text = encodePlainResponse({ model, signature, outputs, rows }, form, { labels });
    // NDJSON and CSV have no place for it in their bodies.
    const headers = form === 'json' ? undefined : ['servery-model', nameOf(model)];
    exchange.send(200, PLAIN_CONTENT_TYPES[form], text, headers);
  }

  async function streamRow(exchange: Exchange): Promise<void> {
    const ref = exchange.target!.model;
    const isBody = models.describe(ref).route !== undefined;
    const { body, headers } = exchange;
    const chunks = streamFor(exchange, stream, ref, (signature) => decodeRowRequest(body, signature, isBody, limits));
    const form: ChunkForm = {
      ...chunkForm(headers.accept),
      headers: () => (exchange.model === undefined ? [] : ['servery-model', nameOf(exchange.model)]),
    };
    await sendChunks(exchange, chunks, form, (outputs) => void readAnswers(outputs));
  }

  const route = { method: 'POST', scope: 'predict', body: BODY, predicts: true, handle: predictRows } as const;
  const bitByBit = { body: { mediaTypes: ['application/json'] }, handle: streamRow };
  return [
    {
      ...route,
      path: '/models/:model/predict',
      docs: { tag: 'Predictions', summary: 'Predict rows with the default version or an alias' },
    },
    {
      ...route,
      path: '/models/:model/versions/:version/predict',
      docs: { tag: 'Predictions', summary: 'Predict rows with a version' },
    },
    {
      ...route,
      ...bitByBit,
      path: '/models/:model/stream',
      docs: { tag: 'Predictions', summary: 'Ask a handler that streams, in its default version or an alias' },
    },
    {
      ...route,
      ...bitByBit,
      path: '/models/:model/versions/:version/stream',
      docs: { tag: 'Predictions', summary: 'Ask a version of a handler that streams' },
    },
  ];
}

function nameOf({ name, version }: ModelVersion): string {
  return `${name}/${version}`;
}

function wantsLabels(query: string): boolean {
  const text = new URLSearchParams(query).get('labels');
  if (text === null || text === 'false') return false;
  if (text === 'true') return true;
  throw new ServeryError('INVALID_REQUEST', 'Cannot use the query parameter "labels": expected true or false');
}
