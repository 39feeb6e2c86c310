/** Answers that come bit by bit to one plain object, for embedding: the counterpart of `PredictRows`. */
import { chunkValue, type ChunkValue } from '../core/chunk.ts';
import { bodyInput, readAnswers } from '../core/handler-envelope.ts';
import { parseModelRef, type ModelRef } from '../core/model.ts';
import type { VersionDescriptor } from '../models/snapshot.ts';
import { decodeRows } from '../protocol/rows.ts';
import type { PredictOptions } from './predict.ts';
import type { Stream } from './stream.ts';

/**
 * @param model `name`, `name@alias` or `name/7`
 * @param row as a row of `PredictRows`; the body, where the handler has a route of its own
 * @throws {ServeryError} by `next()`: as `Stream`
 */
export type StreamRow = (
  model: string,
  row: unknown,
  options: PredictOptions,
) => AsyncGenerator<ChunkValue, void, void>;

export function createStreamRow(stream: Stream, describe: (ref: ModelRef) => VersionDescriptor): StreamRow {
  return async function* (model, row, options) {
    const ref = parseModelRef(model);
    const { route } = describe(ref);
    const chunks = stream(
      ref,
      (signature) =>
        route === undefined
          ? decodeRows(signature, [row], { nameRow: () => 'row' })
          : bodyInput(signature, [JSON.stringify(row) ?? '']),
      options,
    );
    try {
      let next = await chunks.next();
      for (; next.done !== true; next = await chunks.next()) yield chunkValue(next.value);
      // The handler has refused the body.
      readAnswers(next.value);
    } finally {
      await chunks.return([]);
    }
  };
}
