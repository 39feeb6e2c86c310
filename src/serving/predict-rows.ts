/**
 * Predictions from and to plain objects: for handlers that call other models, and for embedding.
 *
 * The same mapping of rows as the plain door, so a row means the same everywhere.
 */
import { ServeryError } from '../core/errors.ts';
import { parseModelRef } from '../core/model.ts';
import { decodeRows, encodeRows } from '../protocol/rows.ts';
import type { Predict, PredictOptions } from './predict.ts';

export type Row = Readonly<Record<string, unknown>>;

export interface PredictRowsOptions extends PredictOptions {
  /** Adds class names: `label: "setosa"` instead of `0`, `probabilities.setosa`. */
  readonly labels?: boolean | undefined;
}

/**
 * @param model `name`, `name@alias` or `name/7`
 * @param rows objects keyed by feature or input, or arrays in the order of the features
 * @throws {ServeryError} as `Predict`
 */
export type PredictRows = (
  model: string,
  rows: readonly unknown[],
  options: PredictRowsOptions,
) => Promise<Record<string, unknown>[]>;

export function createPredictRows(predict: Predict): PredictRows {
  return async (model, rows, { labels = false, ...options }) => {
    // Bodies of somebody's own server come here as they are, and an object would count as no rows at all.
    if (!Array.isArray(rows)) {
      throw new ServeryError('INVALID_INPUT', 'Cannot use the rows: expected a list of them', {
        hint: 'Put a single row into a list.',
      });
    }
    const prediction = await predict(parseModelRef(model), (signature) => decodeRows(signature, rows), options);
    return encodeRows(prediction.signature, prediction.outputs, prediction.rows, { labels });
  };
}
