/**
 * A failure in TorchServe's words: the name of the Java class that it would have thrown, and its text.
 *
 * Clients branch on the name and on the text, so both are the original's where it has one.
 */
import { quote, type ErrorCode, type ServeryError } from '../../core/errors.ts';

export interface Failure {
  readonly type: string;
  readonly message: string;
}

/** What was asked for, as the client wrote it. */
export interface AskedModel {
  readonly name: string;
  readonly version: string | undefined;
  /** Whether there is a model of this name at all. */
  readonly isKnown: boolean;
}

const BAD_TOKEN = 'Token Authorization failed. Token either incorrect, expired, or not provided correctly';

const TYPES: Readonly<Partial<Record<ErrorCode, string>>> = {
  INVALID_REQUEST: 'BadRequestException',
  INVALID_INPUT: 'BadRequestException',
  UNSUPPORTED_MEDIA_TYPE: 'BadRequestException',
  UNSUPPORTED_ENCODING: 'BadRequestException',
  PAYLOAD_TOO_LARGE: 'BadRequestException',
  HOST_NOT_ALLOWED: 'IllegalArgumentException',
  ORIGIN_NOT_ALLOWED: 'IllegalArgumentException',
  DEADLINE_EXCEEDED: 'RequestTimeoutException',
  SHUTTING_DOWN: 'ServiceUnavailableException',
};

/** @param asked undefined where no model was named */
export function failureOf({ code, message }: ServeryError, asked: AskedModel | undefined): Failure {
  switch (code) {
    case 'NOT_FOUND':
      return {
        type: 'ResourceNotFoundException',
        message: 'Requested resource is not found, please refer to API document.',
      };
    case 'METHOD_NOT_ALLOWED':
      return {
        type: 'MethodNotAllowedException',
        message: 'Requested method is not allowed, please refer to API document.',
      };
    case 'UNAUTHENTICATED':
    case 'FORBIDDEN':
      return { type: 'InvalidKeyException', message: BAD_TOKEN };
    case 'MODEL_NOT_FOUND':
      if (asked !== undefined) return notFound(asked);
      break;
    case 'MODEL_NOT_READY':
    case 'QUEUE_FULL':
      if (asked !== undefined) return { type: 'ServiceUnavailableException', message: noWorker(asked) };
      break;
    case 'MODEL_FAILED':
    case 'HANDLER_FAILED':
    case 'HANDLER_RESTARTED':
      return { type: 'InternalServerException', message: 'Prediction failed' };
    default:
  }
  return { type: TYPES[code] ?? 'InternalServerException', message };
}

/** With the package that it is in. */
export function javaClass(type: string): string {
  return `org.pytorch.serve.${type.startsWith('Model') ? 'archive.model' : 'http'}.${type}`;
}

function notFound({ name, version, isKnown }: AskedModel): Failure {
  const model = printable(name);
  if (version === undefined || !isKnown) {
    return { type: 'ModelNotFoundException', message: `Model not found: ${model}` };
  }
  const message = `Model version: ${printable(version)} does not exist for model: ${model}`;
  return { type: 'ModelVersionNotFoundException', message };
}

function noWorker({ name, version }: AskedModel): string {
  const model = `Model "${printable(name)}"${version === undefined ? '' : ` Version ${printable(version)}`}`;
  return `${model} has no worker to serve inference request. Please use scale workers API to add workers.`;
}

/** What a client wrote is short and printable in a message, as everywhere. */
function printable(text: string): string {
  return JSON.parse(quote(text)) as string;
}
