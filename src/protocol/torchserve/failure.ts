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

/**
 * The second line of a failure's text over gRPC, which says what its code threw, or wrote in its place: see
 * `InferenceImpl.java` for what is refused before a model is asked, and `GRPCJob.java` for what comes after it.
 */
export function reasonOf(code: ErrorCode, type: string): string {
  switch (code) {
    case 'MODEL_NOT_FOUND':
      return `org.pytorch.serve.archive.model.${type}`;
    case 'MODEL_NOT_READY':
    case 'QUEUE_FULL':
      return 'InternalServerException.()';
    default:
      return 'org.pytorch.serve.http.InternalServerException';
  }
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
  // The quotes are where TorchServe has them.
  const model = `Model "${printable(name)}"${version === undefined ? '' : ` Version ${printable(version)}"`}`;
  return (
    `${model} has no worker to serve inference request. Please use scale workers API to add workers. ` +
    'If this is a sequence inference, please check if it is closed, or expired; or exceeds maxSequenceJobQueueSize'
  );
}

/** What a client wrote is short and printable in a message, as everywhere. */
function printable(text: string): string {
  return JSON.parse(quote(text)) as string;
}
