/** The figures under the names of other systems: their names, units and labels, by examples that one can add up. */
import assert from 'node:assert/strict';
import { hostname, totalmem } from 'node:os';
import { test } from 'node:test';
import { batchRun, firstChunk, predictionDone } from '../../../src/core/events.ts';
import type { ModelVersion } from '../../../src/core/model.ts';
import { createCollector } from '../../../src/telemetry/collector.ts';
import { renderMetrics, type ServerGauges } from '../../../src/telemetry/metrics.ts';
import { METRIC_ALIASES, type MetricAlias } from '../../../src/telemetry/options.ts';

const old: ModelVersion = { name: 'iris', version: 1 };
const iris: ModelVersion = { name: 'iris', version: 3 };
const talker: ModelVersion = { name: 'talker', version: 1 };
const gauges: ServerGauges = {
  version: '1.2.3',
  ready: true,
  frontEnds: 2,
  versions: [{ model: iris, state: 'ready', queuedRows: 7, stuckExecutors: 0, loadMs: 40 }],
};

async function scrape(aliases: readonly MetricAlias[]): Promise<string> {
  using collector = createCollector();
  const times = { queuedMs: 4, runMs: 5, computeMs: 2 };
  const run = {
    requests: 2,
    rows: 3,
    paddedRows: 1,
    reason: 'full',
    ...times,
    explains: false,
    failed: false,
  } as const;
  batchRun.publish({ ...run, model: iris });
  batchRun.publish({ ...run, model: old });
  batchRun.publish({ ...run, model: talker, computeMs: 70, explains: true });
  batchRun.publish({ ...run, model: talker, requests: 1, rows: 1, paddedRows: 0, computeMs: 708.3 });
  firstChunk.publish({ model: talker, afterMs: 1500 });
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
    'nv_inference_request_summary_us_count{model="iris",version="3"} 1',
    'nv_inference_request_summary_us_sum{model="iris",version="3"} 2000',
    'nv_inference_queue_summary_us_sum{model="iris",version="3"} 4000',
    'nv_inference_compute_input_summary_us_count{model="iris",version="3"} 2',
    'nv_inference_compute_infer_summary_us_sum{model="iris",version="3"} 4000',
    'nv_inference_request_summary_us{model="talker",version="1",quantile="0.5"} Nan',
    'nv_inference_first_response_histogram_ms_bucket{model="talker",version="1",le="500"} 0',
    'nv_inference_first_response_histogram_ms_bucket{model="talker",version="1",le="2000"} 1',
    'nv_inference_first_response_histogram_ms_sum{model="talker",version="1"} 1500',
    `nv_cpu_memory_total_bytes ${totalmem()}`,
  ],
  torchserve: [
    `Requests2XX{Level="Host",Hostname="${host}"} 1`,
    `Requests4XX{Level="Host",Hostname="${host}"} 1`,
    `Requests5XX{Level="Host",Hostname="${host}"} 2`,
    `ts_inference_requests_total{model_name="iris",model_version="3",hostname="${host}"} 3`,
    `ts_inference_latency_microseconds{model_name="iris",model_version="1",hostname="${host}"} 3000`,
    `ts_queue_latency_microseconds{model_name="iris",model_version="3",hostname="${host}"} 4000`,
    `QueueTime{Level="Host",Hostname="${host}"} ${16 / 7}`,
    `WorkerThreadTime{Level="Host",Hostname="${host}"} ${12 / 7}`,
    `WorkerLoadTime{WorkerName="W-iris_3",Level="Host",Hostname="${host}"} 40`,
    `HandlerTime{ModelName="iris",Level="Model",Hostname="${host}"} 2`,
  ],
  'tensorflow-serving': [
    ':tensorflow:serving:request_count{model_name="iris",status="OK"} 2',
    ':tensorflow:serving:request_count{model_name="iris",status="UNAVAILABLE"} 1',
    ':tensorflow:serving:request_latency_bucket{model_name="iris",API="predict",entrypoint="REST",le="1983.59"} 0',
    ':tensorflow:serving:request_latency_bucket{model_name="iris",API="predict",entrypoint="REST",le="3570.47"} 1',
    ':tensorflow:serving:request_latency_count{model_name="iris",API="predict",entrypoint="REST"} 1',
    ':tensorflow:serving:request_latency_sum{model_name="iris",API="Predict",entrypoint="GRPC"} 3000',
    ':tensorflow:serving:runtime_latency_count{model_name="iris",API="Predict",runtime="TF1"} 4',
    ':tensorflow:serving:runtime_latency_bucket{model_name="talker",API="Predict",runtime="TF1",le="708235"} 2',
    ':tensorflow:serving:runtime_latency_bucket{model_name="talker",API="Predict",runtime="TF1",le="1.27482e+06"} 3',
    ':tensorflow:serving:request_example_counts_sum{model="iris"} 2',
    ':tensorflow:serving:request_example_count_total{model="iris"} 2',
    ':tensorflow:serving:batching_session:queuing_latency_sum{model_name="iris"} 8000',
    ':tensorflow:serving:batching_session:input_batch_size_bucket{model_name="iris",le="1"} 2',
    ':tensorflow:serving:batching_session:processed_batch_size_bucket{model_name="iris",le="4"} 2',
    ':tensorflow:serving:batching_session:processed_batch_size_bucket{model_name="iris",le="8192"} 2',
    ':tensorflow:serving:batching_session:padding_size_sum{model_name="iris"} 2',
    ':tensorflow:serving:batching_session:wrapped_run_count{model_name="iris"} 2',
    ':tensorflow:core:graph_runs 4',
    ':tensorflow:core:graph_run_time_usecs 20000',
  ],
  kserve: [
    'request_predict_seconds_bucket{model_name="iris",le="0.005"} 4',
    'request_predict_seconds_sum{model_name="iris"} 0.008',
    'request_predict_seconds_bucket{model_name="talker",le="0.5"} 0',
    'request_predict_seconds_bucket{model_name="talker",le="0.75"} 1',
    'request_predict_seconds_bucket{model_name="talker",le="1.0"} 1',
    'request_explain_seconds_bucket{model_name="talker",le="0.05"} 0',
    'request_explain_seconds_bucket{model_name="talker",le="0.075"} 2',
    'request_explain_seconds_count{model_name="iris"} 0',
    'request_preprocess_seconds_count{model_name="iris"} 4',
    'request_postprocess_seconds_sum{model_name="iris"} 0',
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

/** The upper bounds of one series, in the order in which they are printed. */
function boundsOf(text: string, series: string): readonly string[] {
  return [...text.matchAll(/^(.*)_bucket\{(.*),le="(.*)"\} /gm)]
    .filter(([, name, labels]) => `${name}{${labels}}` === series)
    .map(([, , , le]) => le!);
}

test('histograms have the bounds of the original, as it writes them', async () => {
  const text = await scrape(METRIC_ALIASES);
  const python = '0.005 0.01 0.025 0.05 0.075 0.1 0.25 0.5 0.75 1.0 2.5 5.0 7.5 10.0 +Inf';
  assert.equal(boundsOf(text, 'request_predict_seconds{model_name="iris"}').join(' '), python);
  const first = boundsOf(text, 'nv_inference_first_response_histogram_ms{model="talker",version="1"}');
  assert.equal(first.join(' '), '100 500 2000 5000 +Inf');
  const series = ':tensorflow:serving:runtime_latency{model_name="iris",API="Predict",runtime="TF1"}';
  const tensorflow = boundsOf(text, series);
  assert.equal(tensorflow.length, 34);
  assert.equal(tensorflow.slice(0, 6).join(' '), '10 18 32.4 58.32 104.976 188.957');
  assert.equal(tensorflow.slice(-3).join(' '), '8.19309e+08 1.47476e+09 +Inf');
});

test('quantiles lie between the bounds of the bucket that they fall in', async () => {
  using collector = createCollector();
  for (let ms = 1; ms <= 1000; ms += 1) {
    predictionDone.publish({ model: iris, door: 'http', rows: 1, totalMs: ms, code: 'OK' });
  }
  const text = await renderMetrics(collector.state(), gauges, ['triton']);
  for (const quantile of [0.5, 0.9, 0.95, 0.99, 0.999]) {
    const line = text.match(new RegExp(`^nv_inference_request_summary_us\\{.*quantile="${quantile}"\\} (.*)$`, 'm'));
    const off = Number(line?.[1]) / (quantile * 1_000_000);
    assert.ok(Math.abs(off - 1) < 0.01, `${quantile}: ${line?.[1]}`);
  }
});

test('a model that has not answered bit by bit has no time to its first answer', async () => {
  assert.doesNotMatch(await scrape(['triton']), /first_response_histogram_ms_count\{model="iris"/);
});

test('the machine is shown in the units of each', async () => {
  const text = await scrape(['triton', 'torchserve']);
  const value = (name: string) => Number(text.match(new RegExp(`^${name}(?:\\{.*\\})? (.*)$`, 'm'))?.[1]);
  assert.ok(Math.abs(value('CPUUtilization') - value('nv_cpu_utilization') * 100) < 1e-9);
  assert.ok(value('nv_cpu_utilization') >= 0 && value('nv_cpu_utilization') <= 1);
  const disk = value('DiskUsage') + value('DiskAvailable');
  assert.ok(Math.abs(value('DiskUtilization') - (value('DiskUsage') / disk) * 100) < 1e-6);
});
