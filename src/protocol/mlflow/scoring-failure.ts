/**
 * Failures of MLflow's scoring server: in its words, but for the request's own data, which it repeats, and for its stack
 * traces, which are empty here.
 */
import { ServeryError, type ErrorCode } from '../../core/errors.ts';

/** How the texts begin by which a failure is known to be of a class of its own. */
const BAD_PARAMS = 'Failed to predict data. \nError: ';
const EVALUATION =
  'Encountered an unexpected error while evaluating the model. Verify that the serialized input Dataframe is compatible ' +
  'with the model for inference.';
const UNPARSABLE = 'Failed to parse input as a Pandas DataFrame. Ensure that the input is a valid ';
/** With a reason of ours, where MLflow has an exception of the model. */
const NOT_COMPATIBLE = 'Invalid input. Data is not compatible with model signature. Cannot use ';
const ENFORCEMENT = 'Failed to predict data. \nError: Failed to enforce schema of data. Error: ';

export function invalid(problem: string, cause?: unknown): ServeryError {
  return new ServeryError('INVALID_REQUEST', `Invalid input. ${problem}`, { cause });
}

export function badParams(problem: string): ServeryError {
  return new ServeryError('INVALID_REQUEST', BAD_PARAMS + problem);
}

/** The model itself finds that something does not fit, as there is no schema to say it before. */
export function evaluationFailed(problem: string, cause: unknown): ServeryError {
  return new ServeryError('INVALID_REQUEST', `${EVALUATION} ${problem}`, { cause });
}

/** Of a model without a signature in `MLmodel`: MLflow knows nothing of what that of the artifact says. */
export function withoutSchema(error: unknown): unknown {
  const isKnown = error instanceof ServeryError && error.code === 'INVALID_INPUT';
  return isKnown ? evaluationFailed(error.message, error) : error;
}

export function unparsable(format: 'CSV' | 'Parquet', problem: string, cause?: unknown): ServeryError {
  const form = format === 'CSV' ? 'CSV-formatted' : format;
  const method = `to_${format.toLowerCase()}()`;
  const how = `${form} Pandas DataFrame produced using the \`pandas.DataFrame.${method}\` method. Error: '${problem}'`;
  return new ServeryError('INVALID_REQUEST', UNPARSABLE + how, { cause });
}

interface Failure {
  readonly errorCode: string;
  readonly errorClass: string;
  readonly sqlState: string;
  readonly status: number;
  readonly message: string;
  /** There is one where an exception was not its own. */
  readonly hasTrace: boolean;
}

const INVALID = { errorClass: 'INVALID_PARAMETER_VALUE', sqlState: 'KAM00' };

/** Names by status, of what is not about the input: `mlflow/exceptions.py`. */
const BY_STATUS: Readonly<Record<number, string>> = {
  401: 'UNAUTHENTICATED',
  403: 'PERMISSION_DENIED',
  404: 'RESOURCE_DOES_NOT_EXIST',
  413: 'INVALID_PARAMETER_VALUE',
  429: 'REQUEST_LIMIT_EXCEEDED',
  499: 'CANCELLED',
  501: 'NOT_IMPLEMENTED',
  503: 'TEMPORARILY_UNAVAILABLE',
  504: 'DEADLINE_EXCEEDED',
};

/** @param status what the failure is elsewhere */
export function scoringFailure(code: ErrorCode, message: string, status: number): Failure {
  switch (code) {
    case 'INVALID_REQUEST':
      if (message.startsWith(BAD_PARAMS)) {
        return { errorCode: 'INVALID_PARAMETER_VALUE', ...INVALID, status: 400, message, hasTrace: false };
      }
      return {
        errorCode: 'BAD_REQUEST',
        ...INVALID,
        status: 400,
        message: invalidText(message),
        hasTrace: [EVALUATION, UNPARSABLE, NOT_COMPATIBLE].some((start) => message.startsWith(start)),
      };
    case 'INVALID_INPUT':
      return {
        errorCode: 'INVALID_PARAMETER_VALUE',
        errorClass: 'SCHEMA_ENFORCEMENT_FAILED',
        sqlState: 'KAM01',
        status: 400,
        message: ENFORCEMENT + message,
        hasTrace: false,
      };
    case 'MODEL_FAILED':
    case 'HANDLER_FAILED':
      return { errorCode: 'BAD_REQUEST', ...INVALID, status: 400, message: `${EVALUATION} ${message}`, hasTrace: true };
    default: {
      const errorCode = BY_STATUS[status] ?? 'INTERNAL_ERROR';
      return { errorCode, errorClass: errorCode, sqlState: 'KAM00', status, message, hasTrace: false };
    }
  }
}

function invalidText(message: string): string {
  return /^(Invalid input|The input must|Failed to parse input|Encountered an)/.test(message)
    ? message
    : `Invalid input. ${message}`;
}

export function failureJson({ errorCode, errorClass, sqlState, message, hasTrace }: Failure): string {
  const trace = hasTrace ? { stack_trace: '' } : {};
  return JSON.stringify({ error_code: errorCode, message, sqlstate: sqlState, error_class: errorClass, ...trace });
}
