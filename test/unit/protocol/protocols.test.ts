import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeProtocolMap, protocolMap } from '../../../src/protocol/protocol-map.ts';
import { ownPorts, protocolClashes, protocolOptions } from '../../../src/protocol/protocols.ts';

const SHARED = { 'listen.http': '127.0.0.1:8080', 'listen.grpc': '127.0.0.1:8081' };

test('by default TensorFlow Serving has its paths on the shared port, and no protocol has a port of its own', () => {
  const options = protocolOptions.parse({});
  assert.deepEqual(ownPorts(options), []);
  assert.deepEqual(protocolClashes(options, SHARED), []);
  const text = describeProtocolMap(protocolMap(options));
  assert.equal(
    text,
    'protocols\n  listen.http /v1/models/*  TensorFlow Serving\n  listen.http /v1/projects/*  Vertex AI',
  );
});

test('a port of its own is listed with its address', () => {
  const http = '127.0.0.1:8501';
  const options = protocolOptions.parse({ tensorflowServing: { enabled: false, http }, vertex: { enabled: false } });
  assert.deepEqual(ownPorts(options), [{ protocol: 'tensorflowServing', option: 'http', address: http }]);
  assert.match(describeProtocolMap(protocolMap(options)), /^protocols\n {2}127\.0\.0\.1:8501 .* TensorFlow Serving$/);
  const grpc = '127.0.0.1:8500';
  const both = protocolOptions.parse({
    tensorflowServing: { enabled: false, http, grpc },
    vertex: { enabled: false },
  });
  assert.match(describeProtocolMap(protocolMap(both)), /\n {2}127\.0\.0\.1:8500 gRPC {2}TensorFlow Serving$/);
  assert.deepEqual(protocolClashes(both, { 'listen.grpc': grpc }), [
    'protocols.tensorflowServing.grpc: port 8500 is that of listen.grpc',
  ]);
  const none = protocolOptions.parse({ tensorflowServing: { enabled: false }, vertex: { enabled: false } });
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
