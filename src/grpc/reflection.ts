/**
 * grpc.reflection, v1 and v1alpha: clients like grpcurl learn the services from the server.
 *
 * The descriptors are those of the generated code; the services are those of the port, as far as there are descriptors
 * of them. v1alpha has the messages of v1 in another package, so
 * one implementation serves both, and its descriptor is v1's with the package renamed.
 */
import { fromBinary, toBinary, type DescFile } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema, type FileDescriptorProto } from '@bufbuild/protobuf/wkt';
import { file_grpc_health_v1_health as health } from '../protocol/open-inference-grpc/gen/grpc/health/v1/health_pb.ts';
import {
  ServerReflectionRequestSchema,
  ServerReflectionResponseSchema,
  file_grpc_reflection_v1_reflection as reflection,
  type ServerReflectionRequest,
  type ServerReflectionResponse,
} from '../protocol/open-inference-grpc/gen/grpc/reflection/v1/reflection_pb.ts';
import { file_open_inference as inference } from '../protocol/open-inference-grpc/gen/open_inference_pb.ts';
import { file_tensorflow_serving as tensorflowServing } from '../protocol/open-inference-grpc/gen/tensorflow_serving_pb.ts';
import { file_torchserve as torchserve } from '../protocol/open-inference-grpc/gen/torchserve_pb.ts';
import { STATUS } from './errors.ts';
import { decode, encode } from './message-method.ts';
import type { StreamedRequest } from './method.ts';

type Answer = ServerReflectionResponse['messageResponse'];

/** @param services names of those that the port has */
export async function* reflect(
  requests: AsyncIterable<StreamedRequest>,
  services: ReadonlySet<string>,
): AsyncGenerator<Buffer> {
  for await (using request of requests) {
    const asked = decode(ServerReflectionRequestSchema, request.bytes);
    yield encode(ServerReflectionResponseSchema, {
      validHost: asked.host,
      originalRequest: asked,
      messageResponse: answer(asked.messageRequest, services),
    });
  }
}

function answer(asked: ServerReflectionRequest['messageRequest'], listening: ReadonlySet<string>): Answer {
  const { files, services } = described();
  switch (asked.case) {
    case 'listServices': {
      const value = listOf(services.filter((name) => listening.has(name)));
      return { case: 'listServicesResponse', value };
    }
    case 'fileByFilename':
      return fileAnswer(files.get(asked.value));
    case 'fileContainingSymbol':
      return fileAnswer(files.get(described().fileOfSymbol.get(asked.value) ?? ''));
    case 'fileContainingExtension':
    case 'allExtensionNumbersOfType':
      return errorAnswer(STATUS.NOT_FOUND, 'there are no extensions');
    case undefined:
      return errorAnswer(STATUS.INVALID_ARGUMENT, 'the request asks for nothing');
  }
}

function listOf(names: readonly string[]): Extract<Answer, { case: 'listServicesResponse' }>['value'] {
  return {
    $typeName: 'grpc.reflection.v1.ListServiceResponse',
    service: names.map((name) => ({ $typeName: 'grpc.reflection.v1.ServiceResponse', name })),
  };
}

function fileAnswer(file: Uint8Array | undefined): Answer {
  if (file === undefined) return errorAnswer(STATUS.NOT_FOUND, 'there is no such file or symbol');
  const value = { $typeName: 'grpc.reflection.v1.FileDescriptorResponse', fileDescriptorProto: [file] } as const;
  return { case: 'fileDescriptorResponse', value: { ...value, fileDescriptorProto: [file] } };
}

function errorAnswer(errorCode: number, errorMessage: string): Answer {
  return { case: 'errorResponse', value: { $typeName: 'grpc.reflection.v1.ErrorResponse', errorCode, errorMessage } };
}

interface Described {
  /** Descriptors by file name. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly fileOfSymbol: ReadonlyMap<string, string>;
  readonly services: readonly string[];
}

let once: Described | undefined;

function described(): Described {
  once ??= describe(withImports([inference, tensorflowServing, torchserve, health, reflection]));
  return once;
}

/** Each file, and before it what it imports. */
function withImports(files: readonly DescFile[], found = new Set<FileDescriptorProto>()): FileDescriptorProto[] {
  for (const { proto, dependencies } of files) {
    withImports(dependencies, found);
    found.add(proto);
  }
  return [...found];
}

function describe(protos: readonly FileDescriptorProto[]): Described {
  const files = new Map<string, Uint8Array>();
  const fileOfSymbol = new Map<string, string>();
  const services: string[] = [];
  for (const proto of [...protos, toAlpha(reflection.proto)]) {
    files.set(proto.name, toBinary(FileDescriptorProtoSchema, proto));
    for (const symbol of symbolsOf(proto)) fileOfSymbol.set(symbol, proto.name);
    for (const { name } of proto.service) services.push(`${proto.package}.${name}`);
  }
  return { files, fileOfSymbol, services };
}

/** Full names of everything that the file declares. */
function symbolsOf(file: FileDescriptorProto): string[] {
  const symbols: string[] = [];
  const addMessages = (scope: string, messages: FileDescriptorProto['messageType']): void => {
    for (const message of messages) {
      const name = `${scope}.${message.name}`;
      symbols.push(name, ...message.field.map((field) => `${name}.${field.name}`));
      symbols.push(...message.enumType.map((type) => `${name}.${type.name}`));
      addMessages(name, message.nestedType);
    }
  };
  addMessages(file.package, file.messageType);
  symbols.push(...file.enumType.map(({ name }) => `${file.package}.${name}`));
  for (const { name, method } of file.service) {
    const service = `${file.package}.${name}`;
    symbols.push(service, ...method.map((one) => `${service}.${one.name}`));
  }
  return symbols;
}

function toAlpha(v1: FileDescriptorProto): FileDescriptorProto {
  const alpha = fromBinary(FileDescriptorProtoSchema, toBinary(FileDescriptorProtoSchema, v1));
  const rename = (typeName: string) => typeName.replace('.reflection.v1.', '.reflection.v1alpha.');
  alpha.name = alpha.name.replace('/v1/', '/v1alpha/');
  alpha.package = alpha.package.replace('.v1', '.v1alpha');
  for (const message of alpha.messageType) for (const field of message.field) field.typeName = rename(field.typeName);
  for (const { method } of alpha.service) {
    for (const one of method) {
      one.inputType = rename(one.inputType);
      one.outputType = rename(one.outputType);
    }
  }
  return alpha;
}
