/**
 * The client: predictions by rows or tensors, jobs and their runs, from Node.js or a browser.
 *
 * Uses `fetch` and nothing else. `Models` is empty here; `servery model types NAME` prints what fills it,
 * and then `client.predict('iris', rows)` knows the rows and the answers of `iris`.
 */
import type { ChunkValue } from '../core/chunk.ts';
import type { Tensor } from '../core/tensor.ts';
import { createConnection, inTime, type CallOptions, type ConnectionOptions } from './connection.ts';
import { decodeInferBody, encodeInferBody, type InferAnswer } from './infer-codec.ts';
import { readChunks } from './read-chunks.ts';
import { createJobsClient, type JobsClient } from './jobs-client.ts';

/** Rows and answers by model name; filled by generated declarations. */

export interface Models {}

interface AnyModel {
  readonly row: Readonly<Record<string, unknown>> | readonly unknown[];
  readonly prediction: Record<string, unknown>;
  readonly labelled: Record<string, unknown>;
}
type ModelOf<Name extends string> = Name extends keyof Models ? Models[Name] & AnyModel : AnyModel;

type ChunkOf<Name extends string> = Name extends keyof Models
  ? Models[Name] extends { readonly chunk: infer Chunk }
    ? Chunk
    : ChunkValue
  : ChunkValue;

export interface RowsAnswer<Row> {
  readonly model: string;
  /** The version that answered. */
  readonly version: number;
  readonly rows: readonly Row[];
}

export interface ServeryClient extends JobsClient {
  /**
   * Predicts rows, with their features by name.
   *
   * @param model `name`, `name@alias` or `name/7`
   * @throws {ServeryError} with the server's code and hint; `DEADLINE_EXCEEDED`, `SERVER_NOT_RUNNING`
   * @throws the signal's reason, when it aborts
   */
  predict<Name extends string>(
    model: Name,
    rows: readonly ModelOf<Name>['row'][],
    options: CallOptions & { readonly labels: true },
  ): Promise<RowsAnswer<ModelOf<Name>['labelled']>>;
  predict<Name extends string>(
    model: Name,
    rows: readonly ModelOf<Name>['row'][],
    options?: CallOptions & { readonly labels?: false },
  ): Promise<RowsAnswer<ModelOf<Name>['prediction']>>;

  /**
   * Predicts tensors, by name of the input; exact for every datatype, binary when large.
   *
   * @throws as `predict`
   */
  infer(
    model: string,
    inputs: Readonly<Record<string, Tensor>>,
    options?: CallOptions & { readonly parameters?: Readonly<Record<string, string | number | boolean>> },
  ): Promise<InferAnswer>;

  /**
   * The answer of a handler that streams, chunk by chunk: text, bytes or JSON values. The handler waits for whoever
   * reads it, and is stopped by leaving the loop or by the signal. Nothing is sent before the first is asked for.
   *
   * @param row as a row of `predict`; the body, where the handler has a route of its own
   * @param options without `timeoutMs` the server bounds the wait for each chunk, and nobody the whole answer
   * @throws as `predict`, also after some chunks; `INVALID_REQUEST` when the model gives its answers at once
   */
  stream<Name extends string>(
    model: Name,
    row: ModelOf<Name>['row'],
    options?: CallOptions,
  ): AsyncGenerator<ChunkOf<Name>, void, void>;

  /** Whether everything that should be live is live and warm. */
  isReady(options?: CallOptions): Promise<boolean>;
}

export function createClient(options: ConnectionOptions): ServeryClient {
  const connection = createConnection(options);
  return {
    async predict(model: string, rows: readonly unknown[], call: CallOptions & { readonly labels?: boolean } = {}) {
      const query = call.labels === true ? '?labels=true' : '';
      const headers = { 'content-type': 'application/json', accept: 'application/json' };
      const request = { ...call, method: 'POST', headers, body: JSON.stringify({ rows }) };
      const response = await connection.request(`/models/${pathOf(model)}/predict${query}`, request);
      return (await inTime(response.json())) as RowsAnswer<never>;
    },

    async infer(model, inputs, { parameters, ...call } = {}) {
      const request = { ...call, method: 'POST', ...encodeInferBody(inputs, parameters) };
      const response = await connection.request(`/v2/models/${pathOf(model)}/infer`, request);
      const headerLength = Number(response.headers.get('inference-header-content-length'));
      return decodeInferBody(await inTime(response.arrayBuffer()), headerLength);
    },

    stream(model: string, row: unknown, call: CallOptions = {}) {
      return readChunks(connection, `/models/${pathOf(model)}/stream`, { row }, call) as AsyncGenerator<never>;
    },

    async isReady(call) {
      return (await connection.send('/v2/health/ready', call)).ok;
    },

    ...createJobsClient(connection),
  };
}

/** `iris/7` is a reference; its path has `/versions/7`. */
function pathOf(model: string): string {
  const [name = '', version] = model.split('/');
  const path = encodeURIComponent(name).replace('%40', '@');
  return version === undefined ? path : `${path}/versions/${encodeURIComponent(version)}`;
}
