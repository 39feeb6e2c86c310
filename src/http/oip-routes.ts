/** The Open Inference Protocol beside predictions: server, health, metadata, statistics, configuration. */
import { ServeryError } from '../core/errors.ts';
import { formatModelRef, type ModelRef } from '../core/model.ts';
import { version } from '../core/package-info.ts';
import { modelMetadata, serverMetadata } from '../protocol/open-inference/metadata.ts';
import { modelConfig } from '../protocol/open-inference/model-config.ts';
import { statisticsJson } from '../protocol/open-inference/statistics.ts';
import type { HttpDeps } from './deps.ts';
import { toErrorAnswer } from './errors.ts';
import type { Exchange } from './exchange.ts';
import type { Route, RouteDocs } from './route.ts';

const tag = 'Open Inference Protocol';

export function oipRoutes({ models, control, options, keys }: HttpDeps, isDraining: () => boolean): readonly Route[] {
  const serverText = JSON.stringify(serverMetadata(options.serverName, version));

  /** A readiness check that says no is an answer, and explains itself like an error. */
  function sendReadiness(exchange: Exchange, name: string | undefined, problem: ServeryError | undefined): void {
    const view = { ...(name === undefined ? {} : { name }), ready: problem === undefined };
    if (problem === undefined) return exchange.json(JSON.stringify(view));
    const { body, headers, status } = toErrorAnswer(problem);
    const text = JSON.stringify({ ...view, ...(JSON.parse(String(body)) as object) });
    exchange.send(options.readyStatus === 'triton' ? 400 : status, 'application/json', text, headers);
  }

  function serverReady(exchange: Exchange): void {
    if (isDraining()) sendReadiness(exchange, undefined, new ServeryError('SHUTTING_DOWN', 'The server is stopping'));
    else if (models.snapshot.ready) sendReadiness(exchange, undefined, undefined);
    else {
      const waiting = models.snapshot.models
        .flatMap(({ name, versions }) => versions.map((entry) => ({ ...entry, name })))
        .filter(({ state }) => state === 'loading' || state === 'stuck' || state === 'failed')
        .slice(0, 8)
        .map(({ name, version, state }) => `${name}/${version} is ${state}`);
      // Whoever asks here needs no key, and which models there are is for those who have one.
      const mayTell = waiting.length > 0 && !keys.isRequired;
      const why = mayTell ? waiting.join(', ') : 'models are still being loaded, or could not be';
      sendReadiness(exchange, undefined, new ServeryError('MODEL_NOT_READY', `Not ready: ${why}`));
    }
  }

  function modelReady(exchange: Exchange): void {
    const { model: ref } = exchange.target!;
    try {
      const { model } = models.describe(ref);
      const state = models.entry(ref.name).versions.find((entry) => entry.version === model.version)?.state;
      if (state !== 'ready') {
        throw new ServeryError('MODEL_NOT_READY', `Model ${formatModelRef(model)} is not at ready state (${state})`);
      }
      sendReadiness(exchange, ref.name, undefined);
    } catch (error) {
      if (!(error instanceof ServeryError && error.code === 'MODEL_NOT_READY')) throw error;
      sendReadiness(exchange, ref.name, error);
    }
  }

  /** An alias means one version; a bare name all of them. */
  function versionOf(ref: ModelRef): number | undefined {
    return ref.alias === undefined ? ref.version : models.describe(ref).model.version;
  }

  const get = (path: string, scope: Route['scope'], summary: string, handle: Route['handle']): Route => {
    const docs: RouteDocs = { tag, summary };
    return { method: 'GET', path, scope, handle, docs, ...(scope === 'none' ? { whileDraining: true } : {}) };
  };
  const ofModel = (action: string, summary: string, handle: Route['handle']): readonly Route[] => [
    get(`/v2/models/:model${action}`, 'read', summary, handle),
    get(`/v2/models/:model/versions/:version${action}`, 'read', `${summary}, of a version`, handle),
  ];

  return [
    get('/v2', 'read', 'Name, version and extensions of the server', (exchange) => exchange.json(serverText)),
    get('/v2/health/live', 'none', 'Whether the server is alive', (exchange) => exchange.json('{"live":true}')),
    get('/v2/health/ready', 'none', 'Whether every model that should be live is', serverReady),
    get('/v2/models', 'read', 'Names of the models', (exchange) =>
      exchange.json(JSON.stringify({ models: models.snapshot.models.map(({ name }) => name) })),
    ),
    get('/v2/models/stats', 'read', 'Statistics of all models', async (exchange) =>
      exchange.json(JSON.stringify(statisticsJson(await control.statistics()))),
    ),
    ...ofModel('', 'Signature of a model', (exchange) => {
      const { model: ref } = exchange.target!;
      const { model, platform, signature } = models.describe(ref);
      const live = models.entry(ref.name).versions.filter(({ key }) => key !== undefined);
      const versions = live.map(({ version }) => version);
      exchange.json(JSON.stringify(modelMetadata(model.name, versions, platform, signature)));
    }),
    ...ofModel('/ready', 'Whether a model is ready', modelReady),
    ...ofModel('/config', 'Configuration of a model', (exchange) =>
      exchange.json(JSON.stringify(modelConfig(models.describe(exchange.target!.model)))),
    ),
    ...ofModel('/stats', 'Statistics of a model', async (exchange) => {
      const { model: ref } = exchange.target!;
      exchange.json(JSON.stringify(statisticsJson(await control.statistics(ref.name, versionOf(ref)))));
    }),
  ];
}
