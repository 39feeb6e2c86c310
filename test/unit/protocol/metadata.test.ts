import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Signature } from '../../../src/core/signature.ts';
import { modelMetadata, serverMetadata } from '../../../src/protocol/open-inference/metadata.ts';
import { modelConfig } from '../../../src/protocol/open-inference/model-config.ts';
import {
  checkUnloadRequest,
  decodeIndexRequest,
  decodeLoadRequest,
  repositoryIndex,
} from '../../../src/protocol/open-inference/repository.ts';
import { statisticsJson } from '../../../src/protocol/open-inference/statistics.ts';
import { assertRefused } from '../../support/client-error.ts';

const signature: Signature = {
  batched: true,
  inputs: [{ name: 'X', datatype: 'FP32', shape: [null, 4] }],
  outputs: [
    { name: 'word', datatype: 'BYTES', shape: [null] },
    { name: 'y', datatype: 'INT64', shape: [null, null] },
  ],
};

describe('metadata', () => {
  it('names the server as it is told, and its extensions', () => {
    const { extensions, ...rest } = serverMetadata('triton', '1.2.3');
    assert.deepEqual(rest, { name: 'triton', version: '1.2.3' });
    for (const extension of [
      'binary_tensor_data',
      'classification',
      'statistics',
      'model_repository',
      'model_configuration',
    ]) {
      assert.ok(extensions.includes(extension));
    }
  });

  it('describes a model with -1 for free axes', () => {
    assert.deepEqual(modelMetadata('m', [1, 3], 'onnxruntime_onnx', signature), {
      name: 'm',
      versions: ['1', '3'],
      platform: 'onnxruntime_onnx',
      inputs: [{ name: 'X', datatype: 'FP32', shape: [-1, 4] }],
      outputs: [
        { name: 'word', datatype: 'BYTES', shape: [-1] },
        { name: 'y', datatype: 'INT64', shape: [-1, -1] },
      ],
    });
  });

  it('describes a configuration without the axis of the rows', () => {
    const version = {
      model: { name: 'm', version: 3 },
      platform: 'onnxruntime_onnx',
      signature,
      batching: { maxRows: 64 },
      batchable: true,
    };
    assert.deepEqual(modelConfig(version), {
      name: 'm',
      platform: 'onnxruntime_onnx',
      backend: 'onnxruntime',
      version_policy: { specific: { versions: [3] } },
      max_batch_size: 64,
      input: [{ name: 'X', data_type: 'TYPE_FP32', dims: [4] }],
      output: [
        { name: 'word', data_type: 'TYPE_STRING', dims: [] },
        { name: 'y', data_type: 'TYPE_INT64', dims: [-1] },
      ],
      dynamic_batching: { preferred_batch_size: [], max_queue_delay_microseconds: 0 },
    });
    const whole = modelConfig({ ...version, signature: { ...signature, batched: false } });
    assert.equal(whole.max_batch_size, 0);
    assert.deepEqual(whole.input[0]?.dims, [-1, 4]);
    assert.equal(whole.dynamic_batching, undefined);
    assert.equal(modelConfig({ ...version, batchable: false }).dynamic_batching, undefined);
  });
});

describe('statistics', () => {
  it('are counts and whole nanoseconds', () => {
    const time = { count: 2, ms: 1.000_000_4 };
    const { model_stats: [stats] } = statisticsJson([
      {
        model: { name: 'm', version: 3 },
        lastInferenceMs: 1_700_000_000_000.25,
        rows: 5,
        runs: 2,
        success: time,
        fail: { count: 0, ms: 0 },
        queue: time,
        computeInput: time,
        computeInfer: time,
        computeOutput: time,
        batches: [{ rows: 4, count: 1, runMs: 0.5 }],
        dispatch: { idle: 2 },
        rejected: { QUEUE_FULL: 1 },
      },
    ]); // prettier-ignore
    assert.equal(stats?.version, '3');
    assert.equal(stats.last_inference, 1_700_000_000_000);
    assert.deepEqual([stats.inference_count, stats.execution_count], [5, 2]);
    assert.deepEqual(stats.inference_stats.success, { count: 2, ns: 1_000_000 });
    assert.deepEqual(stats.inference_stats.cache_hit, { count: 0, ns: 0 });
    assert.deepEqual(stats.batch_stats[0]?.compute_infer, { count: 1, ns: 500_000 });
    assert.deepEqual(stats.dispatch_reasons, { idle: 2 });
  });
});

describe('the repository', () => {
  const utf8 = new TextEncoder();
  const models = [
    {
      name: 'a',
      versions: [
        { version: 1, state: 'unloaded', reason: '' },
        { version: 2, state: 'ready', reason: '' },
        { version: 3, state: 'failed', reason: 'no graph' },
      ],
    },
    { name: 'b', versions: [] },
  ] as const;

  it('lists every version with its state', () => {
    assert.deepEqual(repositoryIndex(models, false), [
      { name: 'a', version: '1', state: 'UNAVAILABLE', reason: 'unloaded' },
      { name: 'a', version: '2', state: 'READY', reason: '' },
      { name: 'a', version: '3', state: 'UNAVAILABLE', reason: 'no graph' },
      { name: 'b', state: 'UNAVAILABLE', reason: 'no versions' },
    ]);
    assert.deepEqual(repositoryIndex(models, true), [{ name: 'a', version: '2', state: 'READY', reason: '' }]);
  });

  it('is asked for what is ready, or for all', () => {
    const decode = (text: string) => decodeIndexRequest(utf8.encode(text)).readyOnly;
    assert.deepEqual(['', '{}', '{"ready":false}', '{"ready":true}'].map(decode), [false, false, false, true]);
    assertRefused(() => decode('{"ready":"true"}'), 'INVALID_REQUEST', /"ready": expected true or false/);
    assertRefused(() => decode('[]'), 'INVALID_REQUEST', /expected a JSON object/);
    assertRefused(() => decode('{"ready":true,"ready":false}'), 'INVALID_REQUEST', /given twice/);
  });

  it('loads what is there, or the files that come along', () => {
    const decode = (text: string) => decodeLoadRequest(utf8.encode(text)).files;
    assert.equal(decode(''), undefined);
    assert.equal(decode('{"parameters":{}}'), undefined);
    const files = decode('{"parameters":{"file:1/model.onnx":"AAH/","file:__proto__":""}}');
    assert.deepEqual(
      Object.entries(files!).map(([path, bytes]) => [path, ...bytes]),
      [['1/model.onnx', 0, 1, 255], ['__proto__']],
    );
    for (const file of ['"A"', '"AA-_"', '"A A="', '5', 'null']) {
      assertRefused(
        () => decode(`{"parameters":{"file:1/model.onnx":${file}}}`),
        'INVALID_REQUEST',
        /expected a file in base64/,
      );
    }
    assertRefused(() => decode('{"parameters":{"config":"{\\"max_batch_size\\":8}"}}'), 'UNSUPPORTED', /model.yaml/);
    assert.equal(decode('{"parameters":{"config":"{}"}}'), undefined);
    assertRefused(() => decode('{"parameters":{"force":true}}'), 'INVALID_REQUEST', /"force": load does not take it/);
    assertRefused(() => decode('{"parameters":[]}'), 'INVALID_REQUEST', /"parameters": expected an object/);
  });

  it('unloads with or without dependents, which are the same', () => {
    for (const body of ['', '{}', '{"parameters":{"unload_dependents":true}}']) checkUnloadRequest(utf8.encode(body));
    assertRefused(
      () => checkUnloadRequest(utf8.encode('{"parameters":{"unload_dependents":1}}')),
      'INVALID_REQUEST',
      /unload/,
    );
  });
});
