/** The names of KServe's Python server. Its steps before and after a prediction are the user's code, which nobody times here. */
import type { AliasSource } from '../aliases.ts';
import { STAGES } from '../counters.ts';
import { latencySamples, type PrintedMetric } from '../printed-metric.ts';

const NAME = 'request_predict_seconds';

export function kserveMetrics({ models }: AliasSource): readonly PrintedMetric[] {
  const values = models.flatMap((counters) =>
    latencySamples(NAME, { model_name: counters.name }, counters, STAGES.indexOf('compute'), 1 / 1000),
  );
  return [{ name: NAME, help: 'predict request latency', type: 'histogram', values }];
}
