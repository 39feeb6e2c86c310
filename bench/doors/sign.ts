/** Signature version 4 of a request to SageMaker's runtime, as Amazon's clients sign it. */
import { createHmac, hash } from 'node:crypto';

export interface AccessKey {
  readonly id: string;
  readonly secret: string;
}

const SERVICE = 'us-east-1/sagemaker/aws4_request';

/** @returns the headers that are to be sent with the body; they hold for five minutes */
export function signedHeaders(
  { id, secret }: AccessKey,
  host: string,
  path: string,
  body: Uint8Array,
): Readonly<Record<string, string>> {
  const time = new Date().toISOString().replace(/[-:]|\.\d+/g, '');
  const scope = `${time.slice(0, 8)}/${SERVICE}`;
  const headers = { 'content-type': 'application/json', host, 'x-amz-date': time };
  const names = Object.keys(headers).join(';');
  const lines = Object.entries(headers).map(([name, value]) => `${name}:${value}`);
  const canonical = ['POST', path, '', ...lines, '', names, hash('sha256', body)].join('\n');
  const text = ['AWS4-HMAC-SHA256', time, scope, hash('sha256', canonical)].join('\n');
  const hmac = (key: string | Buffer, part: string) => createHmac('sha256', key).update(part).digest();
  const signature = hmac(scope.split('/').reduce<string | Buffer>(hmac, `AWS4${secret}`), text).toString('hex');
  return {
    'content-type': headers['content-type'],
    'x-amz-date': time,
    authorization: `AWS4-HMAC-SHA256 Credential=${id}/${scope}, SignedHeaders=${names}, Signature=${signature}`,
  };
}
