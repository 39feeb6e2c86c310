/** What the methods of inference.GRPCInferenceService but predictions answer: health, metadata, statistics, the repository. */
import { fromJson, type DescMessage, type JsonObject, type MessageShape } from '@bufbuild/protobuf';
import { ServeryError } from '../core/errors.ts';
import { version } from '../core/package-info.ts';
import { modelMetadata, serverMetadata } from '../protocol/open-inference/metadata.ts';
import { modelConfig } from '../protocol/open-inference/model-config.ts';
import { statisticsJson } from '../protocol/open-inference/statistics.ts';
import {
  GRPCInferenceService,
  ModelConfigSchema,
  ModelMetadataResponseSchema,
  ModelStatisticsResponseSchema,
  ServerMetadataResponseSchema,
  type RepositoryModelLoadRequest,
} from '../protocol/open-inference-grpc/gen/open_inference_pb.ts';
import { repositoryIndex } from '../protocol/open-inference/repository.ts';
import type { GrpcDeps } from './deps.ts';
import type { InferenceMessage } from './inference-service.ts';
import { messageMethod } from './message-method.ts';
import type { Unary } from './method.ts';
import { readModelRef } from './model-ref.ts';

/** By name. */
export function inferenceMessages(
  { models, control, serverName }: Omit<GrpcDeps, 'predict' | 'stream'>,
  isDraining: () => boolean,
): Readonly<Record<InferenceMessage, Unary>> {
  const methods = GRPCInferenceService.method;
  return {
    ServerLive: messageMethod(methods.serverLive, () => ({ live: true })),
    ServerReady: messageMethod(methods.serverReady, () => ({ ready: models.snapshot.ready && !isDraining() })),
    ServerMetadata: messageMethod(methods.serverMetadata, () =>
      fromView(ServerMetadataResponseSchema, serverMetadata(serverName, version)),
    ),

    ModelReady: messageMethod(methods.modelReady, (request) => ({ ready: isModelReady(models, request) })),
    ModelMetadata: messageMethod(methods.modelMetadata, (request) => {
      const ref = readModelRef(request.name, request.version);
      const { model, platform, signature } = models.describe(ref);
      const live = models.entry(ref.name).versions.filter(({ key }) => key !== undefined);
      const view = modelMetadata(
        model.name,
        live.map((entry) => entry.version),
        platform,
        signature,
      );
      return fromView(ModelMetadataResponseSchema, view);
    }),
    ModelConfig: messageMethod(methods.modelConfig, (request) => ({
      config: fromView(ModelConfigSchema, modelConfig(models.describe(readModelRef(request.name, request.version)))),
    })),
    ModelStatistics: messageMethod(methods.modelStatistics, async (request) => {
      const statistics = request.name === '' ? control.statistics() : statisticsOf({ models, control }, request);
      return fromView(ModelStatisticsResponseSchema, statisticsJson(await statistics));
    }),

    RepositoryIndex: messageMethod(methods.repositoryIndex, (request) => ({
      models: repositoryIndex(models.snapshot.models, request.ready),
    })),
    RepositoryModelLoad: messageMethod(methods.repositoryModelLoad, async (request) => {
      await control.load(readName(request.modelName), readFiles(request));
      return {};
    }),
    RepositoryModelUnload: messageMethod(methods.repositoryModelUnload, async (request) => {
      await control.unload(readName(request.modelName));
      return {};
    }),
  };
}

/** The same views answer over HTTP, in JSON; what the messages do not have stays behind. */
function fromView<Desc extends DescMessage>(schema: Desc, view: object): MessageShape<Desc> {
  return fromJson(schema, view as JsonObject, { ignoreUnknownFields: true });
}

/** An alias means one version, a bare name all of them. */
function statisticsOf(
  { models, control }: Pick<GrpcDeps, 'models' | 'control'>,
  { name, version: wanted }: { name: string; version: string },
) {
  const ref = readModelRef(name, wanted);
  return control.statistics(ref.name, ref.alias === undefined ? ref.version : models.describe(ref).model.version);
}

/** A question that can be asked again and again while one waits: a model that is not there yet is not an error. */
function isModelReady(
  models: GrpcDeps['models'],
  { name, version: wanted }: { name: string; version: string },
): boolean {
  try {
    const { model } = models.describe(readModelRef(name, wanted));
    return models
      .entry(model.name)
      .versions.some((entry) => entry.version === model.version && entry.state === 'ready');
  } catch (error) {
    if (error instanceof ServeryError && (error.code === 'MODEL_NOT_READY' || error.code === 'MODEL_NOT_FOUND')) {
      return false;
    }
    throw error;
  }
}

function readName(text: string): string {
  const { name, alias, version: number } = readModelRef(text, '');
  if (alias === undefined && number === undefined) return name;
  throw new ServeryError('INVALID_REQUEST', 'Cannot load or unload a version alone: expected the name of a model');
}

const FILE = /^file:([1-9][0-9]{0,14})\/model\.onnx$/;

/** `file:VERSION/model.onnx` and its bytes. Nothing else: code is never taken from a request. */
function readFiles({ parameters }: RepositoryModelLoadRequest): Record<string, Uint8Array> | undefined {
  const files: Record<string, Uint8Array> = {};
  for (const [key, { parameterChoice: choice }] of Object.entries(parameters)) {
    if (key === 'config') refuseConfig(choice.value);
    else if (key.startsWith('file:')) {
      if (!FILE.test(key)) {
        throw new ServeryError('INVALID_REQUEST', 'Cannot load the file: expected "file:VERSION/model.onnx"', {
          hint: 'A handler is code: put it into the workspace, it is never loaded from a request.',
        });
      }
      if (choice.case !== 'bytesParam') {
        throw new ServeryError('INVALID_REQUEST', 'Cannot load the file: expected its content in bytes_param');
      }
      files[key.slice('file:'.length)] = choice.value;
    }
  }
  return Object.keys(files).length === 0 ? undefined : files;
}

function refuseConfig(value: unknown): void {
  // Clients that send files must send a configuration with them; one that says nothing changes nothing.
  if (typeof value === 'string' && /^\s*\{\s*\}\s*$/.test(value)) return;
  throw new ServeryError('UNSUPPORTED', 'Cannot override the configuration of a model in a load', {
    hint: 'Write it into `model.yaml` beside the versions: it is read again within a second.',
  });
}
