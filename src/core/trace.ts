/** Request ids and W3C trace context: taken from the client when they are sane, made here when they are not. */
import { randomBytes } from 'node:crypto';

const REQUEST_ID = /^[A-Za-z0-9._:/+=@-]{1,128}$/;
const TRACEPARENT = /^00-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-([0-9a-f]{2})$/;

const prefix = randomBytes(6).toString('base64url');
let made = 0;

export function isRequestId(text: string | undefined): text is string {
  return text !== undefined && REQUEST_ID.test(text);
}

/** Unique among the threads and restarts of this server, and cheap: nothing is guessed from it. */
export function createRequestId(): string {
  made += 1;
  return `${prefix}-${made.toString(36)}`;
}

/** The trace context of this request as a child of the client's span; undefined unless that is valid. */
export function childTraceparent(parent: string | undefined): string | undefined {
  const [, trace, flags] = parent === undefined ? [] : (TRACEPARENT.exec(parent) ?? []);
  return flags === undefined ? undefined : `00-${trace}-${randomBytes(8).toString('hex')}-${flags}`;
}
