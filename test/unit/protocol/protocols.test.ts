import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeProtocolMap, protocolMap } from '../../../src/protocol/protocol-map.ts';
import { ownPorts, protocolClashes, protocolOptions } from '../../../src/protocol/protocols.ts';

const SHARED = { 'listen.http': '127.0.0.1:8080', 'listen.grpc': '127.0.0.1:8081' };

test('by default every protocol that has room on the shared ports speaks there, and none has a port of its own', () => {
  const options = protocolOptions.parse({});
  assert.deepEqual(ownPorts(options), []);
  assert.deepEqual(protocolClashes(options, SHARED), []);
  const text = describeProtocolMap(protocolMap(options, true));
  assert.match(text, /listen\.http \/v1\/models\/\* +TensorFlow Serving$/m);
  assert.match(text, /listen\.grpc tensorflow\.serving\.PredictionService/);
  assert.doesNotMatch(text, /KServe|BentoML/);
  assert.doesNotMatch(describeProtocolMap(protocolMap(options, false)), /listen\.grpc/);
});

test('a port of its own is listed with its kind, and a profile with its name', () => {
  const options = protocolOptions.parse({
    tensorflowServing: { http: '127.0.0.1:8501', grpc: '127.0.0.1:8500', profile: 'tensorflow-serving' },
    bentoml: { http: '127.0.0.1:3000' },
  });
  assert.deepEqual(ownPorts(options), [
    { protocol: 'tensorflowServing', kind: 'http', address: '127.0.0.1:8501' },
    { protocol: 'tensorflowServing', kind: 'grpc', address: '127.0.0.1:8500' },
    { protocol: 'bentoml', kind: 'http', address: '127.0.0.1:3000' },
  ]);
  assert.match(
    describeProtocolMap(protocolMap(options, true)),
    /127\.0\.0\.1:8501 http +TensorFlow Serving \(tensorflow-serving\)/,
  );
});

test('two protocols that want the same path or the same port are refused, each by the name of its option', () => {
  const kserve = protocolOptions.parse({ kserve: { enabled: true } });
  assert.match(protocolClashes(kserve, SHARED).join(), /^protocols\.kserve\.enabled: .*protocols\.kserve\.http/);
  const instead = protocolOptions.parse({ kserve: { enabled: true }, tensorflowServing: { enabled: false } });
  assert.deepEqual(protocolClashes(instead, SHARED), []);
  const ports = protocolOptions.parse({
    mlflow: { http: '127.0.0.1:5000' },
    torchserve: { http: '127.0.0.1:8080', metrics: '127.0.0.1:5000' },
  });
  assert.deepEqual(protocolClashes(ports, SHARED), [
    'protocols.torchserve.http: port 8080 is that of listen.http',
    'protocols.mlflow.http: port 5000 is that of protocols.torchserve.metrics',
  ]);
  const anyPort = protocolOptions.parse({ mlflow: { http: '127.0.0.1:0' }, kserve: { http: '127.0.0.1:0' } });
  assert.deepEqual(protocolClashes(anyPort, { 'listen.http': '127.0.0.1:0' }), []);
});
