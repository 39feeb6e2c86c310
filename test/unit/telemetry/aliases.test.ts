/** The figures under the names of other systems: their names, units and labels, by examples that one can add up. */
import assert from 'node:assert/strict';
import { hostname } from 'node:os';
import { test } from 'node:test';
import { batchRun, predictionDone } from '../../../src/core/events.ts';
import type { ModelVersion } from '../../../src/core/model.ts';
import { createCollector } from '../../../src/telemetry/collector.ts';
import { renderMetrics, type ServerGauges } from '../../../src/telemetry/metrics.ts';
import { METRIC_ALIASES, type MetricAlias } from '../../../src/telemetry/options.ts';

const old: ModelVersion = { name: 'iris', version: 1 };
const iris: ModelVersion = { name: 'iris', version: 3 };
const gauges: ServerGauges = {
  version: '1.2.3',
  ready: true,
  frontEnds: 2,
  versions: [{ model: iris, state: 'ready', queuedRows: 7, stuckExecutors: 0 }],
};

async function scrape(aliases: readonly MetricAlias[]): Promise<string> {
  using collector = createCollector();
  const run = { requests: 2, rows: 3, paddedRows: 1, reason: 'full', queuedMs: 4, runMs: 5, computeMs: 2 } as const;
  batchRun.publish({ ...run, model: iris, failed: false });
  batchRun.publish({ ...run, model: old, failed: false });
  predictionDone.publish({ model: iris, door: 'http', rows: 1, totalMs: 2, code: 'OK' });
  predictionDone.publish({ model: old, door: 'grpc', rows: 1, totalMs: 3, code: 'OK' });
  predictionDone.publish({ model: iris, door: 'http', rows: 0, totalMs: 1, code: 'QUEUE_FULL' });
  predictionDone.publish({ model: iris, door: 'http', rows: 0, totalMs: 1, code: 'MODEL_FAILED' });
  predictionDone.publish({ model: undefined, door: 'http', rows: 0, totalMs: 1, code: 'MODEL_NOT_FOUND' });
  return await renderMetrics(collector.state(), gauges, aliases);
}

const host = hostname();
const EXPECTED: Readonly<Record<MetricAlias, readonly string[]>> = {
  triton: [
    'nv_inference_request_success{model="iris",version="3"} 1',
    'nv_inference_request_failure{model="iris",version="3",reason="REJECTED"} 1',
    'nv_inference_request_failure{model="iris",version="3",reason="BACKEND"} 1',
    'nv_inference_request_failure{model="iris",version="1",reason="OTHER"} 0',
    'nv_inference_count{model="iris",version="3"} 3',
    'nv_inference_exec_count{model="iris",version="3"} 1',
    'nv_inference_pending_request_count{model="iris",version="3"} 7',
    'nv_inference_request_duration_us{model="iris",version="1"} 3000',
    'nv_inference_queue_duration_us{model="iris",version="3"} 4000',
    'nv_inference_compute_infer_duration_us{model="iris",version="3"} 4000',
    'nv_inference_compute_input_duration_us{model="iris",version="3"} 6000',
  ],
  torchserve: [
    `Requests2XX{Level="Host",Hostname="${host}"} 1`,
    `Requests4XX{Level="Host",Hostname="${host}"} 1`,
    `Requests5XX{Level="Host",Hostname="${host}"} 2`,
    `ts_inference_requests_total{model_name="iris",model_version="3",hostname="${host}"} 3`,
    `ts_inference_latency_microseconds{model_name="iris",model_version="1",hostname="${host}"} 3000`,
    `ts_queue_latency_microseconds{model_name="iris",model_version="3",hostname="${host}"} 4000`,
    `QueueTime{Level="Host",Hostname="${host}"} 2`,
    `HandlerTime{ModelName="iris",Level="Model",Hostname="${host}"} 2`,
  ],
  'tensorflow-serving': [
    ':tensorflow:serving:request_count{model_name="iris",status="OK"} 2',
    ':tensorflow:serving:request_count{model_name="iris",status="UNAVAILABLE"} 1',
    ':tensorflow:serving:request_latency_bucket{model_name="iris",API="Predict",le="2500"} 3',
    ':tensorflow:serving:request_latency_sum{model_name="iris",API="Predict"} 7000',
    ':tensorflow:serving:runtime_latency_count{model_name="iris",API="Predict"} 4',
    ':tensorflow:serving:batching_session:queuing_latency_sum{model_name="iris"} 8000',
    ':tensorflow:serving:batching_session:processed_batch_size_bucket{model_name="iris",le="4"} 2',
    ':tensorflow:serving:batching_session:wrapped_run_count{model_name="iris"} 2',
  ],
  kserve: [
    'request_predict_seconds_bucket{model_name="iris",le="0.0025"} 4',
    'request_predict_seconds_sum{model_name="iris"} 0.008',
  ],
};

for (const alias of METRIC_ALIASES) {
  test(`the names of ${alias} stand beside ours, with the same figures`, async () => {
    const lines = (await scrape([alias])).split('\n');
    for (const line of [...EXPECTED[alias], 'servery_rows_total{model="iris",version="3"} 3']) {
      assert.ok(lines.includes(line), `${line} is missing of\n${lines.join('\n')}`);
    }
  });
}

test('the machine is in the figures of torchserve', async () => {
  const text = await scrape(['torchserve']);
  for (const name of ['CPUUtilization', 'MemoryUtilization', 'DiskUtilization', 'DiskUsage', 'DiskAvailable']) {
    const [, value] = new RegExp(`^${name}\\{Level="Host",Hostname="[^"]*"\\} (\\S+)$`, 'm').exec(text) ?? [];
    assert.ok(Number(value) >= 0, `${name} is ${value}`);
  }
});

test('without aliases none of their names is printed, with all of them no series is printed twice', async () => {
  const none = await scrape([]);
  for (const name of ['nv_inference', 'ts_inference', ':tensorflow', 'request_predict_seconds']) {
    assert.ok(!none.includes(`\n${name}`), name);
  }
  const series = (await scrape(METRIC_ALIASES)).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  const ids = series.map((line) => line.slice(0, line.lastIndexOf(' ')));
  assert.equal(new Set(ids).size, ids.length);
});
