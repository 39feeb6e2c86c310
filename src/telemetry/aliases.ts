/**
 * The figures under the names that the dashboards of other systems know.
 *
 * The same counters, in the units and with the labels of the original. What has no equal here is left out: a panel
 * without data says more than one with a number that means something else.
 */
import { kserveMetrics } from './aliases/kserve.ts';
import { tensorflowServingMetrics } from './aliases/tensorflow-serving.ts';
import { torchserveMetrics } from './aliases/torchserve.ts';
import { tritonMetrics } from './aliases/triton.ts';
import type { CollectorState } from './collector.ts';
import { add, createCounters, type VersionCounters } from './counters.ts';
import type { ServerGauges } from './metrics.ts';
import type { MetricAlias } from './options.ts';
import type { PrintedMetric } from './printed-metric.ts';

export interface AliasSource {
  /** Of known models, by version. */
  readonly versions: readonly VersionCounters[];
  /** The sum over the versions of each. */
  readonly models: readonly VersionCounters[];
  /** Answers to requests for models that are not there are in here as well. */
  readonly total: VersionCounters;
  readonly gauges: ServerGauges;
}

const ALIASES: Readonly<Record<MetricAlias, (source: AliasSource) => readonly PrintedMetric[]>> = {
  triton: tritonMetrics,
  torchserve: torchserveMetrics,
  'tensorflow-serving': tensorflowServingMetrics,
  kserve: kserveMetrics,
};

export function aliasMetrics(
  aliases: readonly MetricAlias[],
  { versions }: CollectorState,
  gauges: ServerGauges,
): readonly PrintedMetric[] {
  if (aliases.length === 0) return [];
  const known = versions.filter(({ name }) => name !== '');
  const models = new Map<string, VersionCounters>();
  const total = createCounters('', 0);
  for (const counters of versions) add(total, counters);
  for (const counters of known) {
    let sum = models.get(counters.name);
    if (sum === undefined) models.set(counters.name, (sum = createCounters(counters.name, 0)));
    add(sum, counters);
  }
  const source = { versions: known, models: [...models.values()], total, gauges };
  return aliases.flatMap((alias) => ALIASES[alias](source));
}
