/**
 * One front end: the models as it sees them, and the doors through which requests come.
 *
 * The same core answers in a thread of a server and, without doors, inside somebody's own process.
 */
import { createKeyRing, presentedKey, type AuthOptions, type Scope } from '../core/api-keys.ts';
import { systemClock } from '../core/clock.ts';
import { version } from '../core/package-info.ts';
import type { GrpcOptions } from '../grpc/options.ts';
import { createGrpcServer } from '../grpc/server.ts';
import { docsPage } from '../http/openapi/docs-page.ts';
import { createOpenApiPage } from '../http/openapi/openapi-page.ts';
import type { HttpOptions } from '../http/options.ts';
import { createHttpServer, type HttpServer } from '../http/server.ts';
import type { JobApi } from '../jobs/job-api.ts';
import type { ControlApi } from '../models/control-api.ts';
import { FrontModels } from '../models/front-models.ts';
import { createPredictRows, type PredictRows } from '../serving/predict-rows.ts';
import { createPredict, type Predict } from '../serving/predict.ts';
import type { LogOptions } from '../telemetry/options.ts';
import type { Address } from './addresses.ts';

/** Plain values only: they cross a thread border. */
export interface FrontEndSettings {
  readonly http: HttpOptions;
  readonly grpc: GrpcOptions;
  readonly auth: AuthOptions;
  readonly log: LogOptions;
  readonly defaultTimeoutMs: number;
  /** False: the server is online only. */
  readonly hasJobs: boolean;
  /** What all front ends hold together, by door. */
  readonly bufferedBytes: { readonly http: SharedArrayBuffer; readonly grpc: SharedArrayBuffer };
}

export interface ListenRequest {
  readonly http: Address;
  readonly grpc: Address | undefined;
  /** Other threads listen on the same ports. */
  readonly reusePort: boolean;
}

/** The part without doors. */
export interface FrontEndCore extends AsyncDisposable {
  readonly models: FrontModels;
  readonly predict: Predict;
  readonly predictRows: PredictRows;
}

export function createFrontEndCore(defaultTimeoutMs: number): FrontEndCore {
  const models = new FrontModels((model, rows, options) => predictRows(model, rows, options));
  const answer = createPredict((ref) => models.acquire(ref));
  const predict: Predict = (ref, decode, options) => {
    if (options.deadline !== undefined) return answer(ref, decode, options);
    return answer(ref, decode, { ...options, deadline: systemClock.now() + defaultTimeoutMs });
  };
  const predictRows = createPredictRows(predict);
  return { models, predict, predictRows, [Symbol.asyncDispose]: () => models[Symbol.asyncDispose]() };
}

export interface FrontEnd {
  readonly core: FrontEndCore;
  /** Opens the doors; gives their ports. */
  listen(request: ListenRequest): Promise<{ readonly http: number; readonly grpc: number | undefined }>;
  /** Not ready from now on; new requests are refused. */
  beginDrain(): void;
  /** Resolves when the requests in flight are answered and the doors are closed, at the latest after the grace. */
  closeDoors(graceMs: number): Promise<void>;
}

/** @param jobs undefined where there are none: the server is online only */
export function createFrontEnd(settings: FrontEndSettings, control: ControlApi, jobs: JobApi | undefined): FrontEnd {
  const core = createFrontEndCore(settings.defaultTimeoutMs);
  const { models, predict } = core;
  const keys = createKeyRing(settings.auth);
  const openapi = createOpenApiPage(models, {
    version,
    authentication: keys.isRequired,
    routes: () => http.routes.filter(({ scope }) => scope !== 'jobs' || jobs !== undefined),
  });
  const http: HttpServer = createHttpServer({
    predict,
    models,
    control,
    jobs,
    bufferedBytes: settings.bufferedBytes.http,
    options: settings.http,
    keys,
    openapi,
    docs: docsPage,
  });
  const grpc = createGrpcServer({
    predict,
    models,
    control,
    bufferedBytes: settings.bufferedBytes.grpc,
    options: settings.grpc,
    serverName: settings.http.serverName,
    authorize: (authorization: string | undefined, scope: Scope) =>
      keys.check(presentedKey(authorization, undefined), scope),
  });
  return {
    core,
    async listen({ http: httpAddress, grpc: grpcAddress, reusePort }) {
      const { port } = await http.listen({ ...httpAddress, reusePort });
      if (grpcAddress === undefined) return { http: port, grpc: undefined };
      const { port: grpcPort } = await grpc.listen({ ...grpcAddress, reusePort });
      return { http: port, grpc: grpcPort };
    },
    beginDrain() {
      http.beginDrain();
      grpc.beginDrain();
    },
    async closeDoors(graceMs) {
      await Promise.all([http.close(graceMs), grpc.close(graceMs)]);
    },
  };
}
