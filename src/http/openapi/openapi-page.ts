/** `/openapi.json`: made when it is asked for, and kept until the models change. */
import type { Page, ReadModels } from '../deps.ts';
import type { Route } from '../route.ts';
import { buildOpenApi, isDocumented, type DocumentSettings } from './build-document.ts';
import { toJson } from './json-schema.ts';
import type { DocumentedModel } from './model-operations.ts';

export interface OpenApiPageSettings extends DocumentSettings {
  /** The table of built-in routes; asked for when the first page is made. */
  readonly routes: () => readonly Route[];
}

export function createOpenApiPage(
  models: Pick<ReadModels, 'snapshot' | 'describe'>,
  { routes, ...settings }: OpenApiPageSettings,
): () => Page {
  let sequence: number | undefined;
  let page: Page | undefined;
  return () => {
    const { snapshot } = models;
    if (page === undefined || snapshot.sequence !== sequence) {
      const document = buildOpenApi(documentedModels(models), routes().filter(isDocumented), settings);
      page = { contentType: 'application/json', body: toJson(document) };
      sequence = snapshot.sequence;
    }
    return page;
  };
}

/** The models whose default version is live. */
function* documentedModels(models: Pick<ReadModels, 'snapshot' | 'describe'>): Generator<DocumentedModel> {
  for (const entry of models.snapshot.models) {
    const { name, defaultVersion, versions } = entry;
    const isLive = versions.some(({ version, key }) => version === defaultVersion && key !== undefined);
    if (isLive) yield { entry, descriptor: models.describe({ name }) };
  }
}
