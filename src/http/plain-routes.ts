/** Predictions by rows: what a person with curl or a browser uses. The answer has the form of the question. */
import { ServeryError } from '../core/errors.ts';
import { decodePlainRequest, encodePlainResponse, PLAIN_CONTENT_TYPES, plainForm } from '../protocol/plain.ts';
import type { HttpDeps } from './deps.ts';
import type { Exchange } from './exchange.ts';
import { predictFor } from './prediction.ts';
import type { Route } from './route.ts';

const BODY = { mediaTypes: ['application/json', 'application/x-ndjson', 'text/csv'] };

export function plainRoutes({ predict, options }: HttpDeps): readonly Route[] {
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
    const headers = form === 'json' ? undefined : ['servery-model', `${model.name}/${model.version}`];
    exchange.send(200, PLAIN_CONTENT_TYPES[form], text, headers);
  }

  const route = { method: 'POST', scope: 'predict', body: BODY, predicts: true, handle: predictRows } as const;
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
  ];
}

function wantsLabels(query: string): boolean {
  const text = new URLSearchParams(query).get('labels');
  if (text === null || text === 'false') return false;
  if (text === 'true') return true;
  throw new ServeryError('INVALID_REQUEST', 'Cannot use the query parameter "labels": expected true or false');
}
