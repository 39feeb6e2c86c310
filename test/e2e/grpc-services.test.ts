/** Everything that the gRPC door answers beside predictions, and who may ask for it. */
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';
import { status } from '@grpc/grpc-js';
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createApiKey } from '../../src/core/api-keys.ts';
import {
  Health,
  HealthCheckResponse_ServingStatus as ServingStatus,
} from '../../src/protocol/open-inference-grpc/gen/grpc/health/v1/health_pb.ts';
import {
  ServerReflection,
  ServerReflectionRequestSchema,
  ServerReflectionResponseSchema,
} from '../../src/protocol/open-inference-grpc/gen/grpc/reflection/v1/reflection_pb.ts';
import { DataType, GRPCInferenceService } from '../../src/protocol/open-inference-grpc/gen/open_inference_pb.ts';
import { ModelService, PredictionService } from '../../src/protocol/open-inference-grpc/gen/tensorflow_serving_pb.ts';
import { InferenceAPIsService } from '../../src/protocol/open-inference-grpc/gen/torchserve_pb.ts';
import { frameCopy } from '../../src/grpc/framing.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { GrpcClient, next } from '../support/grpc-client.ts';
import { RawClient, openGrpcDoor, type GrpcDoor } from '../support/grpc-door.ts';

const inference = GRPCInferenceService.method;

describe('the services of the gRPC door', () => {
  let door: GrpcDoor;
  let client: GrpcClient;
  before(async () => {
    door = await openGrpcDoor();
    client = new GrpcClient(door.port);
  });
  after(async () => {
    client[Symbol.dispose]();
    await door[Symbol.asyncDispose]();
  });

  it('say whether the server is alive and ready', async () => {
    assert.equal((await client.unary(inference.serverLive, {})).live, true);
    assert.equal((await client.unary(inference.serverReady, {})).ready, true);
    door.setReady(false);
    assert.equal((await client.unary(inference.serverReady, {})).ready, false);
    assert.equal((await client.unary(inference.serverLive, {})).live, true);
    door.setReady(true);
  });

  it('say whether a model is ready, also one that is not there yet', async () => {
    for (const [name, version, ready] of [
      ['doubler', '', true],
      ['doubler', '1', true],
      ['doubler@old', '', true],
      ['doubler', '9', false],
      ['late', '', false],
      ['nope', '', false],
    ] as const) {
      assert.equal((await client.unary(inference.modelReady, { name, version })).ready, ready, `${name} ${version}`);
    }
  });

  it('describe the server and a model', async () => {
    const server = await client.unary(inference.serverMetadata, {});
    assert.equal(server.name, 'servery');
    assert.ok(server.extensions.includes('binary_tensor_data'));
    const { name, versions, platform, inputs, outputs } = await client.unary(inference.modelMetadata, {
      name: 'doubler',
    });
    assert.deepEqual(
      { name, versions, platform },
      { name: 'doubler', versions: ['1', '2'], platform: 'onnxruntime_onnx' },
    );
    assert.deepEqual(
      [...inputs, ...outputs].map((tensor) => [tensor.name, tensor.datatype, tensor.shape]),
      [
        ['x', 'FP32', [-1n, 2n]],
        ['y', 'FP32', [-1n, 2n]],
      ],
    );
    await assert.rejects(client.unary(inference.modelMetadata, { name: 'nope' }), { code: status.NOT_FOUND });
  });

  it('give the configuration of a model', async () => {
    const { config } = await client.unary(inference.modelConfig, { name: 'identity-BYTES' });
    const [input] = config!.input;
    assert.deepEqual([config!.backend, config!.maxBatchSize], ['onnxruntime', 64]);
    assert.deepEqual([input!.name, input!.dataType, input!.dims], ['x', DataType.TYPE_STRING, [-1n]]);
    assert.equal(config!.dynamicBatching!.maxQueueDelayMicroseconds, 0n);
  });

  it('give statistics in nanoseconds', async () => {
    const { modelStats } = await client.unary(inference.modelStatistics, { name: 'doubler', version: '2' });
    const [stats] = modelStats;
    assert.deepEqual(
      [stats!.name, stats!.version, stats!.inferenceCount, stats!.executionCount],
      ['doubler', '2', 3n, 2n],
    );
    const { count, ns } = stats!.inferenceStats!.success!;
    assert.deepEqual({ count, ns }, { count: 2n, ns: 1_500_000n });
    assert.equal(stats!.batchStats[0]!.batchSize, 2n);
    await client.unary(inference.modelStatistics, {});
    await client.unary(inference.modelStatistics, { name: 'doubler@old' });
    assert.deepEqual(door.control, [
      ['statistics', 'doubler', 2],
      ['statistics', undefined, undefined],
      ['statistics', 'doubler', 1],
    ]);
  });

  it('list the repository', async () => {
    const all = await client.unary(inference.repositoryIndex, {});
    const of = (name: string) =>
      all.models.filter((model) => model.name === name).map(({ version, state }) => [version, state]);
    assert.deepEqual(of('doubler'), [
      ['1', 'READY'],
      ['2', 'READY'],
    ]);
    assert.deepEqual(of('late'), [['1', 'LOADING']]);
    const ready = await client.unary(inference.repositoryIndex, { ready: true });
    assert.equal(
      ready.models.some(({ name }) => name === 'late'),
      false,
    );
  });

  it('load with files and without, and unload', async () => {
    const already = door.control.length;
    await client.unary(inference.repositoryModelLoad, { modelName: 'doubler' });
    await client.unary(inference.repositoryModelLoad, {
      modelName: 'new',
      parameters: {
        config: { parameterChoice: { case: 'stringParam', value: '{}' } },
        'file:1/model.onnx': { parameterChoice: { case: 'bytesParam', value: Uint8Array.of(1, 2) } },
      },
    });
    await client.unary(inference.repositoryModelUnload, { modelName: 'doubler' });
    const calls = door.control.slice(already);
    assert.deepEqual(calls[0], ['load', 'doubler', undefined]);
    const [, name, files] = calls[1] as [string, string, Record<string, Uint8Array>];
    assert.deepEqual([name, Object.keys(files), [...files['1/model.onnx']!]], ['new', ['1/model.onnx'], [1, 2]]);
    assert.deepEqual(calls[2], ['unload', 'doubler']);
  });

  for (const { what, modelName = 'new', key, code } of [
    { what: 'a handler', key: 'file:1/handler.ts', code: status.INVALID_ARGUMENT },
    { what: 'a path that leaves the folder', key: 'file:1/../../model.onnx', code: status.INVALID_ARGUMENT },
    { what: 'a configuration', key: 'config', code: status.UNIMPLEMENTED },
    { what: 'a name that is a path', modelName: '../x', key: 'file:1/model.onnx', code: status.NOT_FOUND },
    { what: 'one version', modelName: 'doubler/1', key: 'file:1/model.onnx', code: status.INVALID_ARGUMENT },
    { what: 'no name', modelName: '', key: 'file:1/model.onnx', code: status.INVALID_ARGUMENT },
  ]) {
    it(`refuse to load ${what}`, async () => {
      const already = door.control.length;
      const parameters = { [key]: { parameterChoice: { case: 'bytesParam', value: Uint8Array.of(1) } } } as const;
      await assert.rejects(client.unary(inference.repositoryModelLoad, { modelName, parameters }), { code });
      assert.equal(door.control.length, already);
    });
  }

  it('check and list health', async () => {
    for (const service of ['', 'inference.GRPCInferenceService']) {
      assert.equal((await client.unary(Health.method.check, { service })).status, ServingStatus.SERVING);
    }
    await assert.rejects(client.unary(Health.method.check, { service: 'other' }), { code: status.NOT_FOUND });
    const { statuses } = await client.unary(Health.method.list, {});
    assert.deepEqual(Object.keys(statuses), ['', 'inference.GRPCInferenceService']);
  });

  for (const version of ['v1', 'v1alpha']) {
    it(`reflect themselves (${version})`, async () => {
      await using raw = new RawClient(door.port);
      const asked = [
        { case: 'listServices', value: '' },
        { case: 'fileContainingSymbol', value: 'inference.GRPCInferenceService' },
        { case: 'fileContainingSymbol', value: 'inference.ModelInferRequest.InferInputTensor' },
        { case: 'fileContainingSymbol', value: `grpc.reflection.${version}.ServerReflection` },
        { case: 'fileByFilename', value: 'grpc/health/v1/health.proto' },
        { case: 'fileContainingSymbol', value: 'no.such.Thing' },
        { case: 'allExtensionNumbersOfType', value: 'inference.ModelConfig' },
      ] as const;
      const messages = asked.map((messageRequest) =>
        frameCopy(
          toBinary(ServerReflectionRequestSchema, create(ServerReflectionRequestSchema, { host: 'h', messageRequest })),
        ),
      );
      const path = `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`;
      const { status: code, body } = await raw.send(path, Buffer.concat(messages));
      assert.equal(code, 0);
      const [services, inferenceFile, sameFile, own, health, unknown, extensions] = unframe(body).map(
        (bytes) => fromBinary(ServerReflectionResponseSchema, bytes).messageResponse,
      );
      assert.deepEqual(services!.case === 'listServicesResponse' && services!.value.service.map(({ name }) => name), [
        'inference.GRPCInferenceService',
        'tensorflow.serving.PredictionService',
        'tensorflow.serving.ModelService',
        'org.pytorch.serve.grpc.inference.InferenceAPIsService',
        'grpc.health.v1.Health',
        'grpc.reflection.v1.ServerReflection',
        'grpc.reflection.v1alpha.ServerReflection',
      ]);
      const packageOf = (answer: typeof services): string => {
        assert.ok(answer?.case === 'fileDescriptorResponse');
        return fromBinary(FileDescriptorProtoSchema, answer.value.fileDescriptorProto[0]!).package;
      };
      assert.deepEqual([inferenceFile, sameFile, own, health].map(packageOf), [
        'inference',
        'inference',
        `grpc.reflection.${version}`,
        'grpc.health.v1',
      ]);
      for (const answer of [unknown, extensions]) {
        assert.ok(answer?.case === 'errorResponse');
        assert.equal(answer.value.errorCode, status.NOT_FOUND);
      }
    });
  }

  it('have a method for everything that the descriptor lists', async () => {
    await using raw = new RawClient(door.port);
    const services = [
      GRPCInferenceService,
      PredictionService,
      ModelService,
      InferenceAPIsService,
      Health,
      ServerReflection,
    ];
    for (const { parent, name } of services.flatMap(({ methods }) => methods)) {
      const { stream, answer } = raw.open(`/${parent.typeName}/${name}`);
      stream.end();
      assert.notEqual((await answer).status, status.UNIMPLEMENTED, name);
    }
  });

  it('answer UNIMPLEMENTED for what Triton has beyond them', async () => {
    await using raw = new RawClient(door.port);
    for (const name of ['SystemSharedMemoryStatus', 'CudaSharedMemoryRegister', 'TraceSetting', 'LogSettings']) {
      assert.equal((await raw.call(name, new Uint8Array(0))).status, status.UNIMPLEMENTED);
    }
  });
});

it('say of nothing that it does not exist while the server starts, and unload nothing', async () => {
  await using door = await openGrpcDoor();
  using client = new GrpcClient(door.port);
  door.beginStarting();
  const unavailable = { code: status.UNAVAILABLE };
  await assert.rejects(client.unary(inference.modelInfer, { modelName: 'doubler' }), unavailable);
  const modelSpec = { name: 'doubler' };
  await assert.rejects(client.unary(PredictionService.method.predict, { modelSpec }), unavailable);
  const modelConfigList = { config: [{ name: 'doubler' }] };
  const config = { config: { case: 'modelConfigList', value: modelConfigList } } as const;
  await assert.rejects(client.unary(ModelService.method.handleReloadConfigRequest, { config }), unavailable);
  assert.deepEqual(door.control, []);
});

describe('health watchers', () => {
  it('hear of every change, and that the server stops', async () => {
    const clock = new ManualClock();
    const door = await openGrpcDoor({ clock });
    using client = new GrpcClient(door.port);
    const watching = client.watch(Health.method.watch, { service: '' });
    assert.equal((await next(watching)).status, ServingStatus.SERVING);
    door.setReady(false);
    clock.advance(500);
    assert.equal((await next(watching)).status, ServingStatus.NOT_SERVING);
    door.setReady(true);
    clock.advance(500);
    assert.equal((await next(watching)).status, ServingStatus.SERVING);
    door.server.beginDrain();
    assert.equal((await next(watching)).status, ServingStatus.NOT_SERVING);
    await assert.rejects(next(watching), { code: status.UNAVAILABLE });
    await door[Symbol.asyncDispose]();
  });

  it('of a service that does not exist are told so, and may stay', async () => {
    await using door = await openGrpcDoor();
    using client = new GrpcClient(door.port);
    const watching = client.watch(Health.method.watch, { service: 'other' });
    assert.equal((await next(watching)).status, ServingStatus.SERVICE_UNKNOWN);
    watching.cancel();
  });
});

describe('keys', () => {
  const predict = createApiKey();
  const admin = createApiKey();
  const auth = {
    keys: [
      { name: 'shop', hash: predict.hash, scopes: ['predict' as const] },
      { name: 'operator', hash: admin.hash, scopes: ['admin' as const] },
    ],
  };
  let door: GrpcDoor;
  let client: GrpcClient;
  before(async () => {
    door = await openGrpcDoor({ auth });
    client = new GrpcClient(door.port);
  });
  after(async () => {
    client[Symbol.dispose]();
    await door[Symbol.asyncDispose]();
  });
  const bearer = (key: string) => ({ metadata: { authorization: `Bearer ${key}` } });
  const ask = {
    modelName: 'doubler',
    inputs: [{ name: 'x', datatype: 'FP32', shape: [1n, 2n], contents: { fp32Contents: [1, 2] } }],
  };

  it('are not needed for health', async () => {
    assert.equal((await client.unary(inference.serverLive, {})).live, true);
    assert.equal((await client.unary(Health.method.check, {})).status, ServingStatus.SERVING);
  });

  it('let in whoever has the scope', async () => {
    await client.unary(inference.modelInfer, ask, bearer(predict.key));
    await client.unary(inference.repositoryModelLoad, { modelName: 'doubler' }, bearer(admin.key));
    await client.unary(inference.modelMetadata, { name: 'doubler' }, bearer(predict.key));
    await client.unary(inference.repositoryIndex, {}, bearer(admin.key));
  });

  it('keep callers of other systems out in the words of these', async () => {
    const { predictions } = InferenceAPIsService.method;
    const asked = { modelName: 'doubler', input: { data: Buffer.from('[1, 2]') } };
    assert.equal(
      Buffer.from((await client.unary(predictions, asked, bearer(predict.key))).prediction).toString(),
      '[3,6]',
    );
    const details = 'Token Authorization failed. Token either incorrect, expired, or not provided correctly';
    for (const key of [undefined, 'wrong', admin.key]) {
      const call = client.unary(predictions, asked, key === undefined ? {} : bearer(key));
      await assert.rejects(call, { code: status.PERMISSION_DENIED, details });
    }
    const { predict: tensors } = PredictionService.method;
    await assert.rejects(client.unary(tensors, {}), { code: status.UNAUTHENTICATED });
    const { handleReloadConfigRequest: reload } = ModelService.method;
    await assert.rejects(client.unary(reload, {}, bearer(predict.key)), { code: status.PERMISSION_DENIED });
  });

  it('keep everybody else out', async () => {
    await assert.rejects(client.unary(inference.modelInfer, ask), { code: status.UNAUTHENTICATED });
    await assert.rejects(client.unary(inference.modelMetadata, {}), { code: status.UNAUTHENTICATED });
    await assert.rejects(client.unary(inference.modelInfer, ask, bearer('wrong')), { code: status.UNAUTHENTICATED });
    await assert.rejects(client.unary(inference.modelInfer, ask, bearer(admin.key)), {
      code: status.PERMISSION_DENIED,
    });
    const load = client.unary(inference.repositoryModelLoad, { modelName: 'doubler' }, bearer(predict.key));
    await assert.rejects(load, { code: status.PERMISSION_DENIED });
    const stream = client.stream(inference.modelStreamInfer);
    await assert.rejects(next(stream), { code: status.UNAUTHENTICATED });
  });
});

function unframe(bytes: Buffer): Buffer[] {
  const messages: Buffer[] = [];
  for (let at = 0; at < bytes.length;) {
    const end = at + 5 + bytes.readUInt32BE(at + 1);
    messages.push(bytes.subarray(at + 5, end));
    at = end;
  }
  return messages;
}
