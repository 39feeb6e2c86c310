/**
 * Signature version 4: whether a request was signed with the secret of a key that we know.
 *
 * Rules: Amazon's "Create a signed API request". A signature covers the method, the path, the query, the headers
 * that it lists and the body, and holds for some minutes.
 */
import { createHmac, createSecretKey, hash, timingSafeEqual, type KeyObject } from 'node:crypto';
import { ServeryError } from '../../core/errors.ts';

const ALGORITHM = 'AWS4-HMAC-SHA256';
const SERVICE = 'sagemaker';
const LONGEST_SKEW_MS = 5 * 60_000;

export interface AccessKey {
  readonly id: string;
  readonly secret: string;
}

export interface SignedRequest {
  readonly method: string;
  /** Path and query as they were sent. */
  readonly path: string;
  readonly query: string;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** As it was sent. */
  readonly body: Uint8Array;
}

/** @throws {ServeryError} `UNAUTHENTICATED` without a signature or a known key, `FORBIDDEN` when it does not fit */
export function checkSignature(keys: readonly AccessKey[], request: SignedRequest, nowMs: number): void {
  const { headers } = request;
  const { keyId, scope, signedHeaders, signature } = readAuthorization(headers['authorization']);
  const key = keys.find(({ id }) => id === keyId);
  if (key === undefined) {
    throw new ServeryError('UNAUTHENTICATED', 'The security token included in the request is invalid.');
  }
  const [date = '', , service = ''] = scope.split('/');
  const time = String(headers['x-amz-date'] ?? '');
  const sentMs = readTime(time);
  if (service !== SERVICE || sentMs === undefined || !time.startsWith(date)) {
    throw refused(`Credential should be scoped to the service '${SERVICE}' and to the date of the request.`);
  }
  if (Math.abs(nowMs - sentMs) > LONGEST_SKEW_MS) throw refused('Signature expired, or not yet current.');
  if (!signedHeaders.includes('host')) throw refused("'Host' must be a signed header.");
  const bodyHash = hash('sha256', request.body);
  const declared = headers['x-amz-content-sha256'];
  if (declared !== undefined && declared !== bodyHash) {
    throw refused('The hash of the body is not that of the header X-Amz-Content-SHA256.');
  }
  const canonical = [
    request.method,
    canonicalPath(request.path),
    canonicalQuery(request.query),
    ...signedHeaders.map((name) => `${name}:${canonicalValue(headers[name])}`),
    '',
    signedHeaders.join(';'),
    bodyHash,
  ].join('\n');
  const text = [ALGORITHM, time, scope, hash('sha256', canonical)].join('\n');
  const expected = createHmac('sha256', signingKeyOf(key, scope)).update(text).digest();
  if (timingSafeEqual(expected, Buffer.from(signature, 'hex'))) return;
  throw refused('The request signature we calculated does not match the signature you provided.');
}

/** The latest of each access key: the same for a day, and it takes seven times as long to make as all the rest. */
const signingKeys = new WeakMap<AccessKey, { readonly scope: string; readonly signingKey: KeyObject }>();

function signingKeyOf(key: AccessKey, scope: string): KeyObject {
  const known = signingKeys.get(key);
  if (known?.scope === scope) return known.signingKey;
  let derived: string | Buffer = `AWS4${key.secret}`;
  for (const part of scope.split('/')) derived = createHmac('sha256', derived).update(part).digest();
  const signingKey = createSecretKey(derived as Buffer);
  signingKeys.set(key, { scope, signingKey });
  return signingKey;
}

const AUTHORIZATION =
  /^AWS4-HMAC-SHA256 Credential=([^/,\s]+)\/(\d{8}\/[a-z0-9-]+\/[a-z0-9-]+\/aws4_request),\s*SignedHeaders=([a-z0-9;-]+),\s*Signature=([0-9a-f]{64})$/;

function readAuthorization(header: unknown) {
  const [, keyId, scope, names, signature] = typeof header === 'string' ? (AUTHORIZATION.exec(header) ?? []) : [];
  if (keyId !== undefined && scope !== undefined && names !== undefined && signature !== undefined) {
    return { keyId, scope, signedHeaders: names.split(';'), signature };
  }
  throw new ServeryError('UNAUTHENTICATED', 'Missing Authentication Token');
}

/** `20260102T030405Z`, in milliseconds since the epoch. */
function readTime(text: string): number | undefined {
  const [, year, month, day, hour, minute, second] = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(text) ?? [];
  const ms = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  return Number.isNaN(ms) ? undefined : ms;
}

/** What was sent is encoded once more, as for every service but S3. */
function canonicalPath(path: string): string {
  return path.split('/').map(encode).join('/');
}

function canonicalQuery(query: string): string {
  return query
    .split('&')
    .filter((pair) => pair !== '')
    .map((pair) => (pair.includes('=') ? pair : `${pair}=`))
    .sort()
    .join('&');
}

function canonicalValue(value: string | readonly string[] | undefined): string {
  const text = typeof value === 'string' ? value : (value ?? []).join(',');
  return text.trim().replace(/ +/g, ' ');
}

function encode(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
}

function refused(problem: string): ServeryError {
  return new ServeryError('FORBIDDEN', problem, {
    hint: 'Configure the client with a pair of `protocols.sagemaker.accessKeys`, and look at its clock.',
  });
}
