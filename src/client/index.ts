/** `servery/client`: nothing of Node.js in it, so it runs in a browser as it is. */
export { createClient } from './client.ts';
export type { Models, RowsAnswer, ServeryClient } from './client.ts';
export type { CallOptions, ConnectionOptions as ClientOptions } from './connection.ts';
export type { BackfillStart, JobsClient, LogOptions, RunStart, WaitOptions } from './jobs-client.ts';
export type { InferAnswer } from './infer-codec.ts';
export { ServeryError, type ErrorCode } from '../core/errors.ts';
export type { ChunkValue as Chunk } from '../core/chunk.ts';
export type { BytesElement, Datatype, Tensor } from '../core/tensor.ts';
export type {
  AttemptView as Attempt,
  BackfillPlan,
  BackfillView as Backfill,
  IntervalView as Interval,
  JobDetails,
  JobEvent,
  JobSummary,
  OccurrenceView as Occurrence,
  Rows,
  RunDetails,
  RunFailure,
  RunState,
  RunSummary,
  StartedRun,
  StepView as Step,
  Waiting,
} from '../jobs/job-api.ts';
