/**
 * One front end: the models as it sees them, and the doors through which requests come.
 *
 * The same core answers in a thread of a server and, without doors, inside somebody's own process.
 */
import { createKeyRing, presentedKey, type Scope } from '../core/api-keys.ts';
import type { AuthOptions } from '../core/auth-options.ts';
import { systemClock } from '../core/clock.ts';
import { version } from '../core/package-info.ts';
import type { GrpcOptions } from '../grpc/options.ts';
import { createGrpcServer, type GrpcDeps, type GrpcServer } from '../grpc/server.ts';
import type { HttpOptions } from '../http/options.ts';
import { ownTable } from '../http/routes.ts';
import { createHttpServer, type HttpDeps, type HttpServer, type Page } from '../http/server.ts';
import type { JobApi } from '../jobs/job-api.ts';
import type { RequestApi } from '../jobs/request/store-request.ts';
import type { ControlApi } from '../models/control-api.ts';
import { FrontModels } from '../models/front-models.ts';
import type { ProtocolOptions } from '../protocol/options.ts';
import type { OwnPort } from '../protocol/protocols.ts';
import { createPredictRows, type PredictRows } from '../serving/predict-rows.ts';
import { createExplain, type Explain } from '../serving/explain.ts';
import { createPredict, type Predict } from '../serving/predict.ts';
import { createStreamRow, type StreamRow } from '../serving/stream-row.ts';
import { createStream, type Stream } from '../serving/stream.ts';
import type { LogOptions } from '../telemetry/options.ts';
import type { Address } from './addresses.ts';

/** Plain values only: they cross a thread border. */
export interface FrontEndSettings {
  readonly http: HttpOptions;
  readonly grpc: GrpcOptions;
  readonly protocols: ProtocolOptions;
  readonly auth: AuthOptions;
  /** Of the key in `.servery/server.json`. */
  readonly ownerKeyHash: string;
  readonly log: LogOptions;
  readonly defaultTimeoutMs: number;
  /** False: the server is online only. */
  readonly hasJobs: boolean;
  /** What all front ends hold together, by door. */
  readonly bufferedBytes: { readonly http: SharedArrayBuffer; readonly grpc: SharedArrayBuffer };
}

export type ListeningPort = Omit<OwnPort, 'address'> & Address;

/** The ports that were opened, where the system may have picked them. */
export interface OpenPorts {
  readonly http: number;
  readonly grpc: number | undefined;
  readonly own: readonly ListeningPort[];
}

export interface ListenRequest {
  readonly http: Address;
  readonly grpc: Address | undefined;
  /** Ports that protocols of other systems have for themselves. */
  readonly own: readonly ListeningPort[];
  /** Other threads listen on the same ports. */
  readonly reusePort: boolean;
}

/** The part without doors. */
export interface FrontEndCore extends AsyncDisposable {
  readonly models: FrontModels;
  readonly predict: Predict;
  readonly predictRows: PredictRows;
  readonly stream: Stream;
  readonly streamRow: StreamRow;
  readonly explain: Explain;
}

export function createFrontEndCore(defaultTimeoutMs: number): FrontEndCore {
  const models = new FrontModels((model, rows, options) => predictRows(model, rows, options));
  const answer = createPredict((ref) => models.acquire(ref));
  const predict: Predict = (ref, decode, options) => {
    if (options.deadline !== undefined) return answer(ref, decode, options);
    return answer(ref, decode, { ...options, deadline: systemClock.now() + defaultTimeoutMs });
  };
  const reason = createExplain((ref) => models.acquire(ref));
  const explain: Explain = (ref, decode, options) =>
    reason(ref, decode, { ...options, deadline: options.deadline ?? systemClock.now() + defaultTimeoutMs });
  const predictRows = createPredictRows(predict);
  const stream = createStream((ref) => models.acquire(ref), defaultTimeoutMs);
  const streamRow = createStreamRow(stream, (ref) => models.describe(ref));
  const dispose = () => models[Symbol.asyncDispose]();
  return { models, predict, predictRows, stream, streamRow, explain, [Symbol.asyncDispose]: dispose };
}

export interface FrontEnd {
  readonly core: FrontEndCore;
  /** Opens the doors. */
  listen(request: ListenRequest): Promise<OpenPorts>;
  /** Not ready from now on; new requests are refused. */
  beginDrain(): void;
  /** Resolves when the requests in flight are answered and the doors are closed, at the latest after the grace. */
  closeDoors(graceMs: number): Promise<void>;
}

/** What the rest of the server offers it. */
export interface FrontEndApis {
  readonly control: ControlApi;
  /** Undefined where there are no jobs: the server is online only. */
  readonly jobs: JobApi | undefined;
  readonly requests: RequestApi | undefined;
}

export function createFrontEnd(settings: FrontEndSettings, { control, jobs, requests }: FrontEndApis): FrontEnd {
  const core = createFrontEndCore(settings.defaultTimeoutMs);
  const { models, predict, stream, explain } = core;
  const keys = createKeyRing(settings.auth, settings.ownerKeyHash);
  let makeOpenApi: (() => Page) | undefined;
  const httpDeps: HttpDeps = {
    predict,
    stream,
    explain,
    models,
    control,
    jobs,
    requests,
    bufferedBytes: settings.bufferedBytes.http,
    options: settings.http,
    protocols: settings.protocols,
    keys,
    // What makes the pages is loaded with the first of them.
    async openapi() {
      const { createOpenApiPage } = await import('../http/openapi/openapi-page.ts');
      const routes = () => http.routes.filter(({ scope }) => scope !== 'jobs' || jobs !== undefined);
      makeOpenApi ??= createOpenApiPage(models, { version, authentication: keys.isRequired, routes });
      return makeOpenApi();
    },
    rpc: (path) => grpc.method(path),
    docs: async () => (await import('../http/openapi/docs-page.ts')).docsPage(),
  };
  const http: HttpServer = createHttpServer(httpDeps);
  const grpcDeps: GrpcDeps = {
    predict,
    stream,
    explain,
    models,
    control,
    bufferedBytes: settings.bufferedBytes.grpc,
    options: settings.grpc,
    protocols: settings.protocols,
    serverName: settings.http.serverName,
    authorize: (authorization: string | undefined, scope: Scope) =>
      keys.check(presentedKey(authorization, undefined), scope),
  };
  const grpc = createGrpcServer(grpcDeps);
  const servers: (HttpServer | GrpcServer)[] = [http, grpc];

  async function listenAlone(own: ListeningPort, reusePort: boolean): Promise<ListeningPort> {
    const { protocol, option } = own;
    const server =
      option === 'grpc' ? createGrpcServer({ ...grpcDeps, only: protocol }) : createHttpServer(httpDeps, ownTable(own));
    servers.push(server);
    const { port } = await server.listen({ host: own.host, port: own.port, reusePort });
    return { ...own, port };
  }
  return {
    core,
    async listen({ http: httpAddress, grpc: grpcAddress, own, reusePort }) {
      const { port } = await http.listen({ ...httpAddress, reusePort });
      const onGrpc = grpcAddress === undefined ? undefined : await grpc.listen({ ...grpcAddress, reusePort });
      const opened = await Promise.all(own.map((wanted) => listenAlone(wanted, reusePort)));
      return { http: port, grpc: onGrpc?.port, own: opened };
    },
    beginDrain() {
      for (const server of servers) server.beginDrain();
    },
    async closeDoors(graceMs) {
      await Promise.all(servers.map((server) => server.close(graceMs)));
    },
  };
}
