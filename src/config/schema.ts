/**
 * The whole configuration, composed from the slice that each folder defines for itself.
 *
 * Types, validation, variables, flags and the reference page all come from this one schema.
 */
import * as z from 'zod';
import { address } from '../core/address.ts';
import { authOptions } from '../core/auth-options.ts';
import { duration } from '../core/duration.ts';
import { isModelName } from '../core/model.ts';
import { grpcOptions } from '../grpc/options.ts';
import { httpOptions } from '../http/options.ts';
import { batchOptions } from '../jobs/batch-options.ts';
import { jobsOptions } from '../jobs/job-options.ts';
import { modelConfig } from '../models/model-options.ts';
import { protocolOptions } from '../protocol/options.ts';
import { logOptions, metricsOptions } from '../telemetry/options.ts';

export const configSchema = z.strictObject({
  listen: z
    .strictObject({
      http: address.default('127.0.0.1:8080').describe('Address of the HTTP door; port 0 picks a free one.'),
      grpc: z
        .union([address, z.literal('off')])
        .default('127.0.0.1:8081')
        .describe('Address of the gRPC door, or `off`; port 0 picks a free one.'),
      insecure: z
        .boolean()
        .default(false)
        .describe('Allows other addresses than loopback although no `auth.keys` are configured.'),
    })
    .prefault({}),
  models: z
    .record(z.string().refine(isModelName, 'a model name has letters, digits, _, - and . only'), modelConfig)
    .default({})
    .describe('By name of the model; laid over its model.yaml.'),
  jobs: jobsOptions.default({}).describe('By name of the job; a file each in jobs/ is the same.'),
  batch: batchOptions.prefault({}),
  http: httpOptions.prefault({}),
  grpc: grpcOptions.prefault({}),
  protocols: protocolOptions.prefault({}),
  auth: authOptions.prefault({}),
  frontEnds: z
    .union([z.literal('auto'), z.int().min(1).max(64)])
    .default('auto')
    .describe('Threads that answer requests. `auto`: 2, or 1 on one core or where ports cannot be shared.'),
  defaultTimeout: duration.prefault('60s').describe('Deadline of a request that names none.'),
  stopGrace: duration.prefault('30s').describe('After SIGTERM, requests in flight have this time to finish.'),
  stuckAfter: duration.prefault('30s').describe('A run that takes longer makes its model not ready until it ends.'),
  log: logOptions.prefault({}),
  metrics: metricsOptions.prefault({}),
});

/** Complete but for `models`, which are laid over their model.yaml later. */
export type Config = Omit<z.output<typeof configSchema>, 'models'> & Pick<z.input<typeof configSchema>, 'models'>;
export type ConfigInput = z.input<typeof configSchema>;
