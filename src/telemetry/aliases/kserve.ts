/** The names of KServe's Python server. */
import type { AliasSource } from '../aliases.ts';
import { histogramOf, type Histogram, type VersionCounters } from '../counters.ts';
import { PYTHON_BOUNDS } from '../latency-bounds.ts';
import { latencySamples, type PrintedMetric } from '../printed-metric.ts';

export function kserveMetrics({ models }: AliasSource): readonly PrintedMetric[] {
  const step = (name: string, help: string, histogram: (counters: VersionCounters) => Histogram): PrintedMetric => ({
    name,
    help,
    type: 'histogram',
    values: models.flatMap((counters) =>
      latencySamples(name, { model_name: counters.name }, histogram(counters), PYTHON_BOUNDS, 1 / 1000),
    ),
  });
  return [
    step('request_preprocess_seconds', 'pre-process request latency', instant),
    step('request_predict_seconds', 'predict request latency', predicted),
    step('request_explain_seconds', 'explain request latency', ({ numbers }) => histogramOf(numbers, 'explained')),
    step('request_postprocess_seconds', 'post-process request latency', instant),
  ];
}

function predicted({ numbers }: VersionCounters): Histogram {
  const all = histogramOf(numbers, 'compute');
  const explained = histogramOf(numbers, 'explained');
  return { buckets: all.buckets.map((count, i) => count - explained.buckets[i]!), sum: all.sum - explained.sum };
}

/** A model without such a step passes every request on at once, there as here. */
function instant({ numbers }: VersionCounters): Histogram {
  const { buckets } = histogramOf(numbers, 'compute');
  const none = new Float64Array(buckets.length);
  none[0] = buckets.reduce((sum, count) => sum + count, 0);
  return { buckets: none, sum: 0 };
}
