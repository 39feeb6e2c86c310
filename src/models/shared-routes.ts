/**
 * Two handlers may declare one route. Only the first of them by name answers there, and whoever wrote the other
 * should not have to find out why.
 */
import type { ModelVersion } from '../core/model.ts';
import type { VersionStatus } from './version-life.ts';

interface RoutedModel {
  readonly name: string;
  readonly defaultVersion: number | undefined;
  statuses(): readonly VersionStatus[];
}

/** Of the models that have the route of `name`, in order: the first answers. Empty when it shares it with none. */
export function sharersOfRoute(
  models: Iterable<RoutedModel>,
  name: string,
): readonly (ModelVersion & { readonly route: string })[] {
  const all = Array.from(models, describe).filter((one) => one !== undefined);
  const own = all.find((one) => one.name === name);
  const sharers = all.filter(({ pattern }) => pattern === own?.pattern).sort((a, b) => (a.name < b.name ? -1 : 1));
  return sharers.length > 1 ? sharers : [];
}

/** Undefined without a route. */
function describe(model: RoutedModel) {
  const { name, defaultVersion } = model;
  const status = model.statuses().find(({ version }) => version === defaultVersion);
  const declared = status?.loaded?.descriptor.route;
  if (status === undefined || declared === undefined) return undefined;
  const route = `${declared.method} ${declared.path}`;
  return { name, version: status.version, route, pattern: route.replaceAll(/:[^/]+/g, ':') };
}
