/**
 * From a request to its route: the checks every request passes, in the order in which they say least.
 *
 * Host and origin first, so that a foreign page learns nothing; then the path, the key, the content type; the
 * body is read last, when nothing else can refuse it: nor the queue that it would wait in.
 */
import { presentedKey } from '../core/api-keys.ts';
import { ServeryError } from '../core/errors.ts';
import { notThereYet } from '../models/snapshot.ts';
import { parseHeaderLength } from '../protocol/open-inference/infer-request.ts';
import { decompress } from './compression.ts';
import type { HttpDeps } from './deps.ts';
import type { Exchange } from './exchange.ts';
import { HandlerRoutes } from './handler-routes.ts';
import { checkParts } from './parts.ts';
import type { Method, Target } from './route.ts';
import type { RouteTable } from './routes.ts';
import { Router, splitPath, splitUrl } from './router.ts';
import { checkMediaType, HostRule, OriginRule } from './web-rules.ts';

const REMEMBERED_TARGETS = 1024;
const ALLOWED_HEADERS =
  'authorization, content-encoding, content-type, idempotency-key, inference-header-content-length, last-event-id, ' +
  'servery-timeout-ms, traceparent, x-api-key, x-request-id';

export class Dispatcher {
  readonly hosts: HostRule;
  readonly #deps: HttpDeps;
  readonly #isDraining: () => boolean;
  readonly #origins: OriginRule;
  readonly #router: Router;
  readonly #handlers: HandlerRoutes | undefined;
  /** POST targets by URL: a client posts to the same few again and again, and these are the hot ones. */
  readonly #remembered = new Map<string, Target>();

  constructor(deps: HttpDeps, { routes, hasHandlerRoutes, isAnyCase }: RouteTable, isDraining: () => boolean) {
    this.#deps = deps;
    this.#isDraining = isDraining;
    this.hosts = new HostRule(deps.options.allowedHosts);
    this.#origins = new OriginRule(deps.options.cors);
    this.#router = new Router(routes, isAnyCase);
    this.#handlers = hasHandlerRoutes ? new HandlerRoutes(deps) : undefined;
  }

  async answer(exchange: Exchange): Promise<void> {
    try {
      const { headers, request } = exchange;
      const { method = '', url = '' } = request;
      this.#checkHost(exchange);
      const origin = this.#origins.check(headers, method);
      if (origin !== undefined) exchange.allowOrigin(origin);
      const target = (method === 'POST' ? this.#remembered.get(url) : undefined) ?? this.#find(exchange, method, url);
      if (target === undefined) return; // OPTIONS, answered
      exchange.target = target;
      const { route } = target;
      if (this.#isDraining() && route.whileDraining !== true) {
        throw new ServeryError('SHUTTING_DOWN', 'Cannot take the request: the server is stopping');
      }
      if (this.#deps.keys.isRequired) {
        this.#deps.keys.check(
          presentedKey(headers.authorization, headers['x-api-key'] as string | undefined),
          route.scope,
        );
      }
      exchange.startDeadline();
      if (route.body !== undefined) {
        exchange.mediaType = checkMediaType(headers, route.body);
        if (route.predicts === true && route.isRoomCheckedLater !== true) this.#requireRoom(exchange, target);
        await this.#readBody(exchange);
      }
      await route.handle(exchange);
    } catch (error) {
      exchange.fail(error);
    }
  }

  #requireRoom(exchange: Exchange, target: Target): void {
    const refusal = this.#deps.models.refusalNow(target.model);
    if (refusal === undefined) return;
    exchange.model = refusal.model;
    throw refusal.error;
  }

  #checkHost({ headers: { host }, request }: Exchange): void {
    if (host === undefined && request.httpVersionMinor === 1) {
      throw new ServeryError('INVALID_REQUEST', 'Cannot answer a request without a Host header');
    }
    this.hosts.check(host);
  }

  async #readBody(exchange: Exchange): Promise<void> {
    const { maxBodyBytes, maxDecompressedBytes, maxParts } = this.#deps.options;
    const { headers } = exchange;
    const encoding = headers['content-encoding'];
    const jsonBytes = parseHeaderLength(headers['inference-header-content-length'] as string | undefined);
    exchange.body = await exchange.readBody(maxBodyBytes, encoding === undefined ? jsonBytes : undefined);
    if (encoding !== undefined) exchange.unpacked(await decompress(exchange.body, encoding, maxDecompressedBytes));
    checkParts(exchange.body, exchange.mediaType, jsonBytes, maxParts);
  }

  /** @returns undefined when the request is answered already */
  #find(exchange: Exchange, method: string, url: string): Target | undefined {
    const { path, query } = splitUrl(url);
    if (path === '*' && method === 'OPTIONS') return void exchange.send(204, '', '');
    const segments = splitPath(path);
    exchange.query = query;
    const builtIn = this.#router.find(segments);
    const found = builtIn ?? this.#handlers?.router.find(segments);
    if (found === undefined) throw this.#notFound();
    const target = found.get(method === 'HEAD' ? 'GET' : (method as Method))?.();
    if (target === undefined) return this.#refuseMethod(exchange, method, found);
    if (method === 'POST' && builtIn !== undefined && query === '') {
      if (this.#remembered.size >= REMEMBERED_TARGETS) this.#remembered.clear();
      this.#remembered.set(url, target);
    }
    return target;
  }

  /** What is not there may be the route of a handler that is not loaded yet. */
  #notFound(): ServeryError {
    const isStarting = this.#handlers !== undefined && !this.#deps.models.snapshot.complete;
    return isStarting ? notThereYet('The path is not found') : new ServeryError('NOT_FOUND', 'Not Found');
  }

  #refuseMethod(exchange: Exchange, method: string, found: ReadonlyMap<Method, () => Target>): undefined {
    for (const open of found.values()) {
      const target = open();
      if (target.route.exists?.(target.model) === false) throw new ServeryError('NOT_FOUND', 'Not Found');
    }
    const methods = [...new Set([...found.keys(), ...(found.has('GET') ? ['HEAD'] : []), 'OPTIONS'])].join(', ');
    exchange.addHeader('allow', methods);
    if (method !== 'OPTIONS') throw new ServeryError('METHOD_NOT_ALLOWED', 'Method Not Allowed');
    if (exchange.headers['access-control-request-method'] !== undefined) {
      exchange.addHeader('access-control-allow-methods', methods);
      exchange.addHeader('access-control-allow-headers', ALLOWED_HEADERS);
      exchange.addHeader('access-control-max-age', '600');
    }
    exchange.send(204, '', '');
    return undefined;
  }
}
