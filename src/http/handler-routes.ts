/**
 * Routes that handlers declare, so that a handler can stand in for a hand-written endpoint.
 *
 * They come and go with the versions, so they are read from the snapshot whenever that has changed. The
 * default version of a model answers; built-in routes are found first and cannot be hidden.
 */
import { ServeryError } from '../core/errors.ts';
import { decodeEnvelope, type BodyIssue } from '../core/handler-envelope.ts';
import type { VersionDescriptor } from '../models/snapshot.ts';
import type { Signature } from '../core/signature.ts';
import type { BytesElement, Tensor } from '../core/tensor.ts';
import type { Predict } from '../serving/predict.ts';
import type { Stream } from '../serving/stream.ts';
import { chunkForm, sendChunks } from './chunks.ts';
import type { HttpDeps, ReadModels } from './deps.ts';
import type { Exchange } from './exchange.ts';
import { predictFor, streamFor } from './prediction.ts';
import type { Method, Route } from './route.ts';
import { Router } from './router.ts';

const BODY = { mediaTypes: ['application/json'] };

export class HandlerRoutes {
  readonly #models: ReadModels;
  readonly #predict: Predict;
  readonly #stream: Stream;
  #sequence = -1;
  #router = new Router([]);

  constructor({ models, predict, stream }: Pick<HttpDeps, 'models' | 'predict' | 'stream'>) {
    this.#models = models;
    this.#predict = predict;
    this.#stream = stream;
  }

  /** The routes of the versions that are live now. */
  get router(): Router {
    const { sequence, models } = this.#models.snapshot;
    if (sequence === this.#sequence) return this.#router;
    const routes: Route[] = [];
    for (const { name, defaultVersion, versions } of models) {
      const isLive = versions.some(({ version, key }) => version === defaultVersion && key !== undefined);
      const descriptor = isLive ? this.#models.describe({ name }) : undefined;
      if (descriptor?.route !== undefined) routes.push(this.#toRoute(descriptor, descriptor.route));
    }
    this.#sequence = sequence;
    this.#router = new Router(routes);
    return this.#router;
  }

  #toRoute(
    { model: { name }, streams = false }: VersionDescriptor,
    { method, path }: NonNullable<VersionDescriptor['route']>,
  ): Route {
    return {
      method: method as Method,
      path,
      scope: 'predict',
      body: BODY,
      predicts: true,
      model: () => ({ name }),
      docs: { tag: 'Predictions', summary: `Model ${name}` },
      handle: (exchange) => this.#answer(exchange, name, streams),
    };
  }

  async #answer(exchange: Exchange, name: string, streams: boolean): Promise<void> {
    const { body, headers, target } = exchange;
    const { params } = target!;
    const decode = ({ inputs: [input] }: Signature) => {
      return [{ name: input?.name ?? 'body', datatype: 'BYTES' as const, shape: [1], data: [body] }];
    };
    const options = { parameters: Object.keys(params).length === 0 ? undefined : params };
    if (streams) {
      const chunks = streamFor(exchange, this.#stream, { name }, decode, options);
      await sendChunks(exchange, chunks, chunkForm(headers.accept), (outputs) => sendAnswer(exchange, name, outputs));
    } else {
      const { outputs } = await predictFor(exchange, this.#predict, { name }, decode, options);
      sendAnswer(exchange, name, outputs);
    }
  }
}

function sendAnswer(exchange: Exchange, name: string, [output]: readonly Tensor[]): void {
  const [element] = (output?.data ?? []) as readonly BytesElement[];
  if (element === undefined) throw new ServeryError('HANDLER_FAILED', `Model ${name} gave no answer`);
  const envelope = decodeEnvelope(element);
  if ('ok' in envelope) exchange.json(envelope.ok);
  else exchange.send(422, 'application/json', JSON.stringify(refusal(envelope.invalid)));
}

/** Where and what; `detail` is as clients of FastAPI read it, but without `input`, which says what the client sent. */
function refusal(issues: readonly BodyIssue[]): object {
  return {
    error: `Cannot use the body: ${issues.map(({ path, message }) => `${path.join('.') || 'body'}: ${message}`).join('; ')}`,
    code: 'INVALID_INPUT',
    hint: 'Compare the body with the schema of this route in /docs.',
    detail: issues.map(({ path, message, code, context }) => ({
      type: code,
      loc: ['body', ...path],
      msg: message,
      ...(context === undefined ? {} : { ctx: context }),
    })),
  };
}
