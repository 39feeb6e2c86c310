import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeProtocolMap, protocolMap } from '../../../src/protocol/protocol-map.ts';
import { protocolOptions } from '../../../src/protocol/options.ts';
import { ownPorts, protocolClashes } from '../../../src/protocol/protocols.ts';

/** All that are on the shared port are not. */
const OFF = Object.fromEntries(
  Object.entries(protocolOptions.parse({}))
    .filter(([, options]) => 'enabled' in options)
    .map(([name]) => [name, { enabled: false }]),
);
const SHARED = { 'listen.http': '127.0.0.1:8080', 'listen.grpc': '127.0.0.1:8081' };

test('by default protocols have their paths on the shared port, and none has a port of its own', () => {
  const options = protocolOptions.parse({});
  assert.deepEqual(ownPorts(options), []);
  assert.deepEqual(protocolClashes(options, SHARED), []);
  const text = describeProtocolMap(protocolMap(options));
  assert.match(text, /^protocols\n {2}listen\.http \/v1\/models\/\* {2}TensorFlow Serving$/m);
  for (const line of [
    /\/predictions\/\*.* {2}TorchServe/,
    /\/endpoints\/\* {2}SageMaker/,
    /\/invocations {2}MLflow/,
    /\/v1\/projects\/\* {2}Vertex AI/,
  ]) {
    assert.match(text, line);
  }
});

test('a port of its own is listed with its address', () => {
  const http = '127.0.0.1:8501';
  const options = protocolOptions.parse({ ...OFF, tensorflowServing: { enabled: false, http } });
  assert.deepEqual(ownPorts(options), [{ protocol: 'tensorflowServing', option: 'http', address: http }]);
  assert.match(describeProtocolMap(protocolMap(options)), /^protocols\n {2}127\.0\.0\.1:8501 .* TensorFlow Serving$/);
  const grpc = '127.0.0.1:8500';
  const both = protocolOptions.parse({ ...OFF, tensorflowServing: { enabled: false, http, grpc } });
  assert.match(describeProtocolMap(protocolMap(both)), /\n {2}127\.0\.0\.1:8500 gRPC {2}TensorFlow Serving$/);
  assert.deepEqual(protocolClashes(both, { 'listen.grpc': grpc }), [
    'protocols.tensorflowServing.grpc: port 8500 is that of listen.grpc',
  ]);
  const none = protocolOptions.parse(OFF);
  assert.equal(describeProtocolMap(protocolMap(none)), 'no protocols of other systems');
});

test('two protocols that want the same path or the same port are refused, each by the name of its option', () => {
  const kserve = protocolOptions.parse({ kserve: { enabled: true } });
  assert.match(protocolClashes(kserve, SHARED).join(), /^protocols\.kserve\.enabled: .*protocols\.kserve\.http/);
  const instead = protocolOptions.parse({ kserve: { enabled: true }, tensorflowServing: { enabled: false } });
  assert.deepEqual(protocolClashes(instead, SHARED), []);
  const same = '127.0.0.1:8501';
  const ports = protocolOptions.parse({ tensorflowServing: { http: same }, kserve: { http: same } });
  assert.deepEqual(protocolClashes(ports, SHARED), [
    'protocols.kserve.http: port 8501 is that of protocols.tensorflowServing.http',
  ]);
  const taken = protocolOptions.parse({ kserve: { http: '127.0.0.1:8080' } });
  assert.deepEqual(protocolClashes(taken, SHARED), ['protocols.kserve.http: port 8080 is that of listen.http']);
  const anyPort = protocolOptions.parse({
    tensorflowServing: { http: '127.0.0.1:0' },
    kserve: { http: '127.0.0.1:0' },
  });
  assert.deepEqual(protocolClashes(anyPort, { 'listen.http': '127.0.0.1:0' }), []);
});

test('a port for metrics alone is listed and counted as any other', () => {
  const metrics = '127.0.0.1:8082';
  const options = protocolOptions.parse({ torchserve: { http: metrics, metrics } });
  assert.deepEqual(ownPorts(options), [
    { protocol: 'torchserve', option: 'http', address: metrics },
    { protocol: 'torchserve', option: 'metrics', address: metrics },
  ]);
  assert.match(describeProtocolMap(protocolMap(options)), /^ {2}127\.0\.0\.1:8082 \/metrics {2}TorchServe$/m);
  assert.deepEqual(protocolClashes(options, SHARED), [
    'protocols.torchserve.metrics: port 8082 is that of protocols.torchserve.http',
  ]);
});

test('BentoML, whose paths begin at the root, has a port of its own or none', () => {
  const options = protocolOptions.parse({ ...OFF, bentoml: { http: '127.0.0.1:3000' } });
  assert.deepEqual(ownPorts(options), [{ protocol: 'bentoml', option: 'http', address: '127.0.0.1:3000' }]);
  assert.equal(describeProtocolMap(protocolMap(options)), 'protocols\n  127.0.0.1:3000 /*  BentoML');
  assert.equal(protocolOptions.safeParse({ bentoml: { enabled: true } }).success, false);
});
