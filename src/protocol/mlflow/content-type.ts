/** Content types of the scoring server: exact and case-sensitive, as MLflow compares them, and refused in its words. */
import { ServeryError } from '../../core/errors.ts';

export type ScoringType = 'csv' | 'json' | 'parquet';

const TYPES: Readonly<Record<string, ScoringType>> = {
  'text/csv': 'csv',
  'application/json': 'json',
  'application/vnd.apache.parquet': 'parquet',
};

/** @throws {ServeryError} `UNSUPPORTED_MEDIA_TYPE` */
export function scoringType(contentType: string | undefined): ScoringType {
  const [type = '', ...parameters] = (contentType ?? '').split(';').map((part) => part.trim());
  const names = parameters.map((parameter) => parameter.split('=')[0]!);
  const charset = parameters.find((parameter) => parameter.startsWith('charset='));
  if (charset !== undefined && charset.toLowerCase() !== 'charset=utf-8') {
    throw unsupported('The scoring server only supports UTF-8');
  }
  const others = names.filter((name) => name !== 'charset');
  if (others.length > 0) {
    throw unsupported(`Unrecognized content type parameters: ${others.map(printable).join(', ')}. ${PROTOCOL_CHANGE}`);
  }
  if (Object.hasOwn(TYPES, type)) return TYPES[type]!;
  const known = Object.keys(TYPES).map((each) => `'${each}'`);
  const got = contentType === undefined ? 'nothing' : `'${printable(contentType)}'`;
  throw unsupported(
    `This predictor only supports the following content types: Types: [${known.join(', ')}]. Got ${got}.`,
  );
}

/** What it says to whoever may have a client of before version 2. */
export const PROTOCOL_CHANGE =
  'IMPORTANT: The MLflow Model scoring protocol has changed in MLflow version 2.0. If you are seeing this error, you are ' +
  'likely using an outdated scoring request format. To resolve the error, either update your request format or adjust ' +
  "your MLflow Model's requirements file to specify an older version of MLflow (for example, change the 'mlflow' " +
  "requirement specifier to 'mlflow==1.30.0'). If you are making a request using the MLflow client (e.g. via " +
  '`mlflow.pyfunc.spark_udf()`), upgrade your MLflow client to a version >= 2.0 in order to use the new request format. ' +
  'For more information about the updated MLflow Model scoring protocol in MLflow 2.0, see ' +
  'https://mlflow.org/docs/latest/models.html#deploy-mlflow-models.';

function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '?').slice(0, 64);
}

function unsupported(problem: string): ServeryError {
  return new ServeryError('UNSUPPORTED_MEDIA_TYPE', problem);
}
