import assert from 'node:assert/strict';
import { test } from 'node:test';
import { batchRun, handlerRestarted, predictionDone, rejection } from '../../../src/core/events.ts';
import type { ModelVersion } from '../../../src/core/model.ts';
import { createCollector } from '../../../src/telemetry/collector.ts';
import { renderMetrics, type ServerGauges } from '../../../src/telemetry/metrics.ts';

const iris: ModelVersion = { name: 'iris', version: 3 };
const gauges: ServerGauges = {
  version: '1.2.3',
  ready: true,
  frontEnds: 2,
  versions: [{ model: iris, state: 'ready', queuedRows: 7, stuckExecutors: 1, loadMs: 40 }],
};

async function scrape(): Promise<string> {
  using collector = createCollector();
  batchRun.publish({
    model: iris,
    requests: 2,
    rows: 3,
    paddedRows: 1,
    reason: 'full',
    queuedMs: 4,
    runMs: 5,
    computeMs: 0.3,
    explains: false,
    failed: false,
  });
  predictionDone.publish({ model: iris, door: 'grpc', rows: 1, totalMs: 2, code: 'OK' });
  predictionDone.publish({ model: undefined, door: 'http', rows: 0, totalMs: 60_000, code: 'MODEL_NOT_FOUND' });
  rejection.publish({ model: iris, code: 'QUEUE_FULL' });
  handlerRestarted.publish({ model: iris, cause: 'deadline' });
  return await renderMetrics(collector.state(), gauges);
}

const text = await scrape();

for (const line of [
  `servery_build_info{version="1.2.3",node="${process.version}"} 1`,
  'servery_ready 1',
  'servery_front_ends 2',
  'servery_version_state{model="iris",version="3",state="ready"} 1',
  'servery_version_state{model="iris",version="3",state="failed"} 0',
  'servery_queued_rows{model="iris",version="3"} 7',
  'servery_stuck_executors{model="iris",version="3"} 1',
  'servery_requests_total{model="iris",version="3",door="grpc",code="OK"} 1',
  'servery_requests_total{model="",version="",door="http",code="MODEL_NOT_FOUND"} 1',
  'servery_request_duration_seconds_bucket{model="iris",version="3",stage="queue",le="0.001"} 0',
  'servery_request_duration_seconds_bucket{model="iris",version="3",stage="queue",le="0.0025"} 2',
  'servery_request_duration_seconds_bucket{model="iris",version="3",stage="queue",le="+Inf"} 2',
  'servery_request_duration_seconds_sum{model="iris",version="3",stage="queue"} 0.004',
  'servery_request_duration_seconds_count{model="iris",version="3",stage="compute"} 2',
  'servery_request_duration_seconds_bucket{model="iris",version="3",stage="total",le="0.001"} 0',
  'servery_request_duration_seconds_sum{model="iris",version="3",stage="total"} 0.002',
  'servery_request_duration_seconds_bucket{model="",version="",stage="total",le="30"} 0',
  'servery_request_duration_seconds_bucket{model="",version="",stage="total",le="+Inf"} 1',
  'servery_batch_rows_bucket{model="iris",version="3",le="2"} 0',
  'servery_batch_rows_bucket{model="iris",version="3",le="4"} 1',
  'servery_batch_rows_sum{model="iris",version="3"} 4',
  'servery_batch_rows_count{model="iris",version="3"} 1',
  'servery_dispatches_total{model="iris",version="3",reason="full"} 1',
  'servery_dispatches_total{model="iris",version="3",reason="idle"} 0',
  'servery_rows_total{model="iris",version="3"} 3',
  'servery_padded_rows_total{model="iris",version="3"} 1',
  'servery_rejections_total{model="iris",version="3",reason="QUEUE_FULL"} 1',
  'servery_handler_restarts_total{model="iris",version="3",cause="deadline"} 1',
]) {
  test(`a scrape shows ${line}`, () => assert.ok(text.split('\n').includes(line), text));
}

test('a scrape shows the process too, and the next one again', async () => {
  assert.match(text, /^process_cpu_seconds_total [0-9.e-]+$/m);
  assert.match(await scrape(), /^process_cpu_seconds_total [0-9.e-]+$/m);
});
