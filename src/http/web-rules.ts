/**
 * What a web page of somebody else could do to this server, and the rules that stop it.
 *
 * Any page in a browser can post to a loopback address, and one that rebinds its own name to 127.0.0.1
 * can even read the answers. So the Host must be ours, a foreign Origin must be listed, and a body must
 * have a content type that a plain form cannot give.
 */
import type { IncomingHttpHeaders } from 'node:http';
import { isIP } from 'node:net';
import { ServeryError, quote } from '../core/errors.ts';

const WILDCARDS: ReadonlySet<string> = new Set(['0.0.0.0', '::']);
const REMEMBERED_HOSTS = 256;

export class HostRule {
  readonly #names: ReadonlySet<string>;
  readonly #suffixes: readonly string[];
  readonly #verdicts = new Map<string, boolean>();
  #boundAddress: string | undefined;

  constructor(allowedHosts: readonly string[]) {
    const names = allowedHosts.map((name) => name.toLowerCase());
    this.#names = new Set(['localhost', ...names]);
    this.#suffixes = names.filter((name) => name.startsWith('*.')).map((name) => name.slice(1));
  }

  /** The address that the server listens on; until it is known, every address counts as ours. */
  set boundAddress(address: string) {
    this.#boundAddress = address;
    this.#verdicts.clear();
  }

  /** @throws {ServeryError} `HOST_NOT_ALLOWED` */
  check(host: string | undefined): void {
    if (host === undefined) return; // HTTP/1.0, which no browser speaks
    let isOurs = this.#verdicts.get(host);
    if (isOurs === undefined) {
      isOurs = this.#isOurs(hostName(host));
      if (this.#verdicts.size >= REMEMBERED_HOSTS) this.#verdicts.clear();
      this.#verdicts.set(host, isOurs);
    }
    if (!isOurs) throw new ServeryError('HOST_NOT_ALLOWED', `Cannot answer for the host ${quote(hostName(host))}`);
  }

  #isOurs(name: string): boolean {
    if (this.#names.has(name) || this.#names.has('*')) return true;
    if (this.#suffixes.some((suffix) => name.endsWith(suffix))) return true;
    if (isIP(name) === 0) return false;
    const bound = this.#boundAddress;
    // Rebinding needs a name: where the server listens on all addresses, any address may be its own.
    if (bound === undefined || WILDCARDS.has(bound) || name === bound) return true;
    return isLoopback(bound) && isLoopback(name);
  }
}

export class OriginRule {
  readonly #listed: ReadonlySet<string>;

  constructor(cors: readonly string[]) {
    this.#listed = new Set(cors);
  }

  /**
   * The origin to name in `Access-Control-Allow-Origin`; undefined when the request is not cross-origin.
   *
   * @throws {ServeryError} `ORIGIN_NOT_ALLOWED`
   */
  check(headers: IncomingHttpHeaders, method: string | undefined): string | undefined {
    const { origin, host } = headers;
    if (origin === undefined) {
      // Browsers say where a request comes from even when they leave out its origin.
      if (headers['sec-fetch-site'] === 'cross-site' && method !== 'GET' && method !== 'HEAD') throw foreign('null');
      return undefined;
    }
    if (this.#listed.has(origin) || this.#listed.has('*')) return origin;
    if (host !== undefined && origin.replace(/^https?:\/\//, '') === host) return undefined;
    throw foreign(origin);
  }
}

function foreign(origin: string): ServeryError {
  return new ServeryError('ORIGIN_NOT_ALLOWED', `Cannot answer pages of the origin ${quote(origin)}`);
}

export interface BodyRule {
  /** Media types that the route reads; a body without one is read as the first. */
  readonly mediaTypes: readonly string[];
  /** Also reads `text/plain` as the first type, from clients that are no browsers: some HTTP libraries cannot help sending it. */
  readonly allowsText?: boolean;
  /**
   * Reads whatever it is called, where no browser can be behind it: clients of some protocols declare anything,
   * and their servers never looked. `curl -d` calls JSON a form.
   */
  readonly anyType?: boolean;
}

/**
 * The media type of a body.
 *
 * Some clients of the Open Inference Protocol send none at all. That is let through where no browser can be
 * behind it, since browsers put an Origin on every request that could do harm.
 *
 * @throws {ServeryError} `UNSUPPORTED_MEDIA_TYPE`
 */
export function checkMediaType(
  headers: IncomingHttpHeaders,
  { mediaTypes, allowsText = false, anyType = false }: BodyRule,
): string {
  const [preferred = ''] = mediaTypes;
  const contentType = headers['content-type'];
  if (contentType === preferred) return preferred;
  const isBrowser = headers.origin !== undefined || headers['sec-fetch-site'] !== undefined;
  if (contentType === undefined) {
    if (!isBrowser) return preferred;
    throw unsupportedType('the request declares no Content-Type', mediaTypes);
  }
  const [type = '', ...parameters] = contentType.toLowerCase().split(';');
  const mediaType = type.trim();
  if (anyType && !isBrowser) return mediaType;
  const charset = parameters.map((text) => text.trim()).find((text) => text.startsWith('charset='));
  if (charset !== undefined && !/^charset="?(utf-?8|us-ascii)"?$/.test(charset)) {
    throw unsupportedType('its charset is not UTF-8', mediaTypes);
  }
  if (mediaTypes.includes(mediaType)) return mediaType;
  if (allowsText && mediaType === 'text/plain' && !isBrowser) return preferred;
  throw unsupportedType(`its Content-Type is ${quote(mediaType)}`, mediaTypes);
}

function unsupportedType(problem: string, mediaTypes: readonly string[]): ServeryError {
  return new ServeryError(
    'UNSUPPORTED_MEDIA_TYPE',
    `Cannot read the body: ${problem}, expected ${mediaTypes.join(' or ')}`,
    { hint: `Declare what the body is; with curl: -H 'content-type: ${mediaTypes[0]}'` },
  );
}

/** `[::1]:8080` → `::1`; `Shop.example.com.:80` → `shop.example.com`. */
function hostName(host: string): string {
  const [, bracketed, plain = ''] = /^(?:\[([^\]]*)\]|([^:]*))(?::\d*)?$/.exec(host) ?? [];
  return (bracketed ?? plain).toLowerCase().replace(/\.$/, '');
}

function isLoopback(address: string): boolean {
  return address === '::1' || address.startsWith('127.') || address.startsWith('::ffff:127.');
}
