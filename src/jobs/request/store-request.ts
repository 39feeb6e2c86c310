/**
 * A request that is answered later: stored as a run of the engine, and sent to this very server by its worker.
 *
 * The door that takes such a request decides what it means; here it is a path, headers and a body. It is on the disk
 * when this resolves, and from then on survives whatever happens to the server.
 */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ServeryError } from '../../core/errors.ts';
import type { Json } from '../../core/json.ts';
import { writeDurably } from '../../dataset/durable.ts';
import type { Engine } from '../../engine/engine.ts';
import type { JobDefinition } from '../../engine/job-state.ts';
import { runId } from '../../engine/run-id.ts';
import { readJob, toDefinition, type JobSpec } from '../job.ts';
import { REQUEST_JOB } from './options.ts';
import { readLocation, type RequestPlaces } from './places.ts';
import { FINAL_CODES, type StoredRequest } from './run-request.ts';

/** What doors ask for. */
export interface RequestApi {
  /** @throws {ServeryError} `INVALID_REQUEST` for a location that may not be read, `QUEUE_FULL` */
  storeRequest(order: RequestOrder): Promise<StoredPlaces>;
}

export interface RequestOrder {
  /** Names it for good: a file name, different for each request. */
  readonly id: string;
  /** Of a route of this server that takes POST. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** A `file:` URL, or the bytes. */
  readonly body: string | Uint8Array;
  /** When it was not sent by then, it has failed. */
  readonly ttlMs: number;
  /** For one answer. */
  readonly timeoutMs: number;
}

/** `file:` URLs. One of the two will be there when it is over, whole from the first moment. */
export interface StoredPlaces {
  readonly output: string;
  readonly failure: string;
}

/** Requests that wait: beyond it somebody asks faster than anything is answered. */
const MAX_WAITING = 10_000;

function definitionOf(maxRunning: number): JobDefinition {
  const spec: JobSpec = {
    description: 'Requests that are answered later, each a run',
    params: {},
    steps: [{ name: 'request', needs: [], when: 'all_success', timeoutMs: undefined, work: { kind: 'request' } }],
    policy: {
      pool: 'default',
      slots: 1,
      priority: 0,
      overlapping: true,
      maxRunning,
      // The request says how long it is worth another attempt, and its step when there were too many.
      retry: {
        attempts: 1000,
        delayMs: 1000,
        factor: 2,
        maxDelayMs: 30_000,
        jitter: 'equal',
        notOn: FINAL_CODES,
        workerLosses: 1000,
      },
    },
    notify: [],
  };
  return toDefinition(readJob({ job: REQUEST_JOB, spec: JSON.parse(JSON.stringify(spec)) as Json }));
}

export interface StoreDeps {
  readonly engine: Engine;
  readonly places: RequestPlaces;
  readonly maxRunning: number;
}

export async function storeRequest(
  { id, path, headers, body, ttlMs, timeoutMs }: RequestOrder,
  { engine, places, maxRunning }: StoreDeps,
): Promise<StoredPlaces> {
  const key = { job: REQUEST_JOB, interval: undefined, scheduledForMs: undefined, cause: `manual/${id}` } as const;
  const input = typeof body === 'string' ? readLocation(body, places) : join(places.bodies, runId(key));
  await requireRoom(engine);
  if (typeof body !== 'string') await writeDurably(input, body);
  const output = join(places.output, `${id}.out`);
  const failure = join(places.failures, `${id}-error.out`);
  const stored: StoredRequest = { path, headers, input, output, failure, sendBy: Date.now() + ttlMs, timeoutMs };
  const definition = definitionOf(maxRunning);
  await engine.addRun({ ...key, definitionHash: definition.hash, params: stored as unknown as Json }, definition);
  return { output: pathToFileURL(output).href, failure: pathToFileURL(failure).href };
}

/** @throws {ServeryError} `QUEUE_FULL` */
async function requireRoom(engine: Engine): Promise<void> {
  const state = await engine.getJob(REQUEST_JOB).catch((error: unknown) => {
    if (error instanceof ServeryError && error.code === 'JOB_NOT_FOUND') return undefined; // the first one
    throw error;
  });
  if (state === undefined || state.active.waiting < MAX_WAITING) return;
  throw new ServeryError('QUEUE_FULL', `Cannot store the request: ${state.active.waiting} wait already`, {
    hint: `Run \`servery job show ${REQUEST_JOB}\` to see them, and why the first one waits.`,
    retryAfterMs: 60_000,
  });
}
