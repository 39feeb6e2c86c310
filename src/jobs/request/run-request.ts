/**
 * Sends a stored request to the server of the workspace, and publishes what it answers.
 *
 * An answer is written beside its place, then committed under the lease of the run, then renamed into its place: so
 * one result becomes visible, once and whole, whatever dies in between and whoever wakes up late.
 */
import { rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { ServeryError, type ErrorCode } from '../../core/errors.ts';
import { failpoint } from '../../core/failpoint.ts';
import { moveDurably, writeDurably } from '../../dataset/durable.ts';
import type { ChunkLedger } from '../predict/ledger.ts';
import type { StepContext, StepOutcome } from '../step.ts';
import { openInput, type RequestPlaces } from './places.ts';
import { sendRequest, type Answer, type Destination } from './send-request.ts';

/** The parameters of its run. Paths are absolute. */
export interface StoredRequest {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly input: string;
  readonly output: string;
  readonly failure: string;
  /** An instant, in milliseconds since the epoch. */
  readonly sendBy: number;
  readonly timeoutMs: number;
}

/** A failure with one of these is published, and is the end of it. */
export const FINAL_CODES = [
  'INVALID_REQUEST',
  'DATA_NOT_FOUND',
  'MODEL_FAILED',
  'TIMED_OUT',
] as const satisfies readonly ErrorCode[];

export interface RequestDeps {
  readonly places: RequestPlaces;
  /** The server of the workspace; undefined when there is none now. */
  server(): Promise<Destination | undefined>;
}

/** So many times a server may end, or be ended, while it has the request: it may be the request that does it. */
const MOST_SENDS = 4;
/** What the server is told to take is a little less than it gets. */
const PATIENCE_MS = 5000;
/** The server may say otherwise later. */
const COME_AGAIN: ReadonlySet<number> = new Set([429, 503]);

/** What is about to become visible. */
interface Committed {
  readonly draft: string;
  readonly place: string;
  readonly error?: { readonly code: ErrorCode; readonly message: string } | undefined;
}

/** @throws {ServeryError} one of `FINAL_CODES` once the failure is published; any other to be attempted again */
export async function runRequestStep(
  context: StepContext,
  ledger: ChunkLedger,
  deps: RequestDeps,
): Promise<StepOutcome> {
  const request = context.params as unknown as StoredRequest;
  const [before] = await ledger.committedChunks();
  if (before !== undefined) return publish(before.staged as Committed);
  await removeDrafts(request, context.attempt);
  const sent = ((await ledger.readPlan()) as { readonly sent: number } | undefined)?.sent ?? 0;
  const end = await answerOrFailure(request, context, { ...deps, ledger, sent });
  const committed: Committed =
    end.error === undefined
      ? { draft: end.draft, place: request.output }
      : { draft: end.draft, place: request.failure, error: end.error };
  const isBad = committed.error !== undefined;
  const rows = { in: 1, out: isBad ? 0 : 1, bad: isBad ? 1 : 0, nulled: 0 };
  try {
    await ledger.commitChunk({ index: 0, rows, staged: committed });
  } catch (error) {
    await rm(end.draft, { force: true }); // the run is somebody else's
    throw error;
  }
  return publish(committed);
}

type End = Pick<Committed, 'draft' | 'error'>;
type Journal = RequestDeps & { readonly ledger: ChunkLedger; readonly sent: number };

async function answerOrFailure(request: StoredRequest, context: StepContext, deps: Journal): Promise<End> {
  try {
    return await attempt(request, context, deps);
  } catch (error) {
    if (!(error instanceof ServeryError) || !(FINAL_CODES as readonly ErrorCode[]).includes(error.code)) throw error;
    const { code, message } = error;
    const draft = draftOf(request.failure, context.attempt);
    await writeDurably(draft, JSON.stringify({ error: message, code }));
    return { draft, error: { code, message } };
  }
}

/** @throws {ServeryError} one of `FINAL_CODES`, without a word from the server; others for another attempt */
async function attempt(request: StoredRequest, context: StepContext, deps: Journal): Promise<End> {
  const { ledger, sent, places } = deps;
  if (Date.now() > request.sendBy) throw new ServeryError('TIMED_OUT', 'The request has expired before it was sent');
  if (sent >= MOST_SENDS) throw new ServeryError('MODEL_FAILED', 'The server has ended each time it had the request');
  const server = await deps.server();
  if (server === undefined) throw new ServeryError('SERVER_NOT_RUNNING', 'No server holds the workspace');
  await using input = await openInput(request.input, places);
  await ledger.savePlan({ sent: sent + 1 });
  failpoint('request.send.before');
  const answer = await send(request, context, server, input).catch(async (error: unknown) => {
    // A count too many costs an attempt later; why it was not sent is what matters now.
    if (context.signal.aborted || isRefused(error)) await ledger.savePlan({ sent }).catch(() => undefined);
    throw error;
  });
  failpoint('request.send.after');
  if (answer.status < 300) return { draft: answer.draft };
  const isFromOther = (await deps.server())?.key !== server.key;
  if (COME_AGAIN.has(answer.status) || isFromOther) {
    await ledger.savePlan({ sent });
    throw new ServeryError('MODEL_NOT_READY', `The server answered with status ${answer.status}`);
  }
  const code = answer.status < 500 ? 'INVALID_REQUEST' : 'MODEL_FAILED';
  return { draft: answer.draft, error: { code, message: `The server answered with status ${answer.status}` } };
}

async function send(
  request: StoredRequest,
  { attempt, signal }: StepContext,
  server: Destination,
  input: Parameters<typeof sendRequest>[1]['input'],
): Promise<Answer> {
  const { path, headers, timeoutMs } = request;
  const limit = AbortSignal.timeout(timeoutMs + PATIENCE_MS);
  const draft = (status: number) => draftOf(status < 300 ? request.output : request.failure, attempt);
  const order = { path, headers: { ...headers, 'servery-timeout-ms': String(timeoutMs) }, input, draft };
  try {
    return await sendRequest(server, order, AbortSignal.any([signal, limit]));
  } catch (error) {
    if (signal.aborted) throw new ServeryError('CANCELLED', 'The run is to stop', { cause: error });
    if (limit.aborted) throw new ServeryError('TIMED_OUT', 'The answer did not come in time', { cause: error });
    throw error;
  }
}

/** Nobody has taken it, so that it has harmed nobody. */
function isRefused(error: unknown): boolean {
  return ((error as Error).cause as NodeJS.ErrnoException | undefined)?.code === 'ECONNREFUSED';
}

/** @throws {ServeryError} when it is a failure that was published */
async function publish({ draft, place, error }: Committed): Promise<StepOutcome> {
  failpoint('request.publish.before');
  // An attempt that died after this line has done it.
  if ((await stat(draft).catch(() => undefined)) !== undefined) await moveDurably(draft, place);
  failpoint('request.publish.after');
  if (error !== undefined) throw new ServeryError(error.code, error.message);
  return { state: 'succeeded', rows: { in: 1, out: 1, bad: 0, nulled: 0 }, outputs: [place] };
}

/** Where it waits for its name. Each attempt has its own: one that wakes up late spoils nothing. */
function draftOf(place: string, attempt: number): string {
  return join(dirname(place), `.${basename(place)}.${attempt}.draft`);
}

/** What attempts have left that died before they committed anything. */
async function removeDrafts({ output, failure }: StoredRequest, attempt: number): Promise<void> {
  for (let before = 1; before < attempt; before += 1) {
    for (const place of [output, failure]) await rm(draftOf(place, before), { force: true });
  }
}
