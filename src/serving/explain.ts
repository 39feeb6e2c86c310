/**
 * The online use case for explanations: why a model answers rows as it does.
 *
 * The way is that of a prediction, through the same queue and with the same limits. What an explanation looks like is
 * up to the handler that gives it.
 */
import { ServeryError, quote } from '../core/errors.ts';
import { decodeEnvelope } from '../core/handler-envelope.ts';
import type { ModelRef, ModelVersion } from '../core/model.ts';
import { checkInputs, type Signature } from '../core/signature.ts';
import type { BytesElement, NamedTensor } from '../core/tensor.ts';
import type { LiveVersion } from '../models/live-version.ts';
import type { PredictOptions } from './predict.ts';

export interface Explained {
  /** The version that answered. */
  readonly model: ModelVersion;
  readonly rows: number;
  /** A JSON text for each row, in their order. */
  readonly explanations: readonly string[];
}

/**
 * @param decode as that of `Predict`
 * @throws {ServeryError} as `Predict`; `UNSUPPORTED` when the version has no explanations
 */
export type Explain = (
  model: ModelRef,
  decode: (signature: Signature, version: ModelVersion) => readonly NamedTensor[],
  options: PredictOptions,
) => Promise<Explained>;

export function createExplain(acquire: (model: ModelRef) => LiveVersion & Disposable): Explain {
  return async (ref, decode, options) => {
    using version = acquire(ref);
    const { model, signature, explains } = version.descriptor;
    if (explains !== true) {
      throw new ServeryError('UNSUPPORTED', `Cannot explain: model ${quote(model.name)} has no explainer`, {
        hint: 'A handler has one when its definition has `explain` beside `predict`.',
      });
    }
    const checked = checkInputs(signature, decode(signature, model));
    if (options.signal?.aborted) throw new ServeryError('CANCELLED', 'The client closed the request');
    const [output] = await version.submit(checked, { ...options, explains: true });
    const explanations = (output!.data as readonly BytesElement[]).map(readExplanation);
    return { model, rows: checked.rows, explanations };
  };
}

/** @throws {ServeryError} `INVALID_INPUT` when the schema of a handler with a route of its own refused the body */
function readExplanation(element: BytesElement): string {
  const envelope = decodeEnvelope(element);
  if ('ok' in envelope) return envelope.ok;
  const issues = envelope.invalid.map(({ path, message }) => `${path.join('.') || 'body'}: ${message}`);
  throw new ServeryError('INVALID_INPUT', `Cannot use the body: ${issues.join('; ')}`);
}
