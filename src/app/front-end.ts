/**
 * One front end: the models as it sees them, and the doors through which requests come.
 *
 * The same object in a thread of a server and, without doors, inside somebody's own process.
 */
import type { AuthOptions } from '../core/api-keys.ts';
import { createKeyRing, presentedKey } from '../core/api-keys.ts';
import { systemClock } from '../core/clock.ts';
import type { GrpcOptions } from '../grpc/options.ts';
import { createGrpcServer, type GrpcServer } from '../grpc/server.ts';
import type { HttpOptions } from '../http/options.ts';
import { createHttpServer, type HttpServer } from '../http/server.ts';
import type { ControlApi } from '../models/control-api.ts';
import { FrontModels } from '../models/front-models.ts';
import type { FrontLink } from '../models/front-link.ts';
import { createPredictRows, type PredictRows } from '../serving/predict-rows.ts';
import { createPredict, type Predict } from '../serving/predict.ts';

/** Plain values only: they cross a thread border. */
export interface FrontEndSettings {
  readonly http: HttpOptions;
  readonly grpc: GrpcOptions;
  readonly auth: AuthOptions;
  readonly defaultTimeoutMs: number;
}

export interface Address {
  readonly host: string;
  readonly port: number;
}

export interface ListenRequest {
  readonly http: Address;
  readonly grpc: Address | undefined;
  /** Other threads listen on the same ports. */
  readonly reusePort: boolean;
}

export interface Core {
  readonly models: FrontModels;
  readonly predict: Predict;
  readonly predictRows: PredictRows;
}

/** The part without doors. */
export function createCore(defaultTimeoutMs: number): Core {
  const models = new FrontModels((model, rows, options) => predictRows(model, rows, options));
  const answer = createPredict((ref) => models.acquire(ref));
  const predict: Predict = (ref, decode, options) =>
    answer(ref, decode, options.deadline === undefined ? withDeadline(options, defaultTimeoutMs) : options);
  const predictRows = createPredictRows(predict);
  return { models, predict, predictRows };
}

function withDeadline<T extends object>(options: T, timeoutMs: number): T {
  return { ...options, deadline: systemClock.now() + timeoutMs };
}
