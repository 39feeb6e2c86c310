/**
 * Answers of MLflow's scoring server.
 *
 * A data frame is answered as pandas' records, tensors by the name of each output: what MLflow's own server does with
 * an ONNX model. NaN and the infinities are null, where MLflow prints words that are no JSON: that only its profile does.
 */
import type { Signature } from '../../core/signature.ts';
import type { Tensor } from '../../core/tensor.ts';
import { jsonRows } from '../rows/encode-rows.ts';
import { jsonNested, jsonValue } from '../values-out.ts';
import type { ScoringProfile } from './coercion.ts';
import { encodePythonRecords, encodePythonTensors } from './python-answer.ts';
import type { ScoringForm } from './scoring-request.ts';

export interface ScoringAnswer {
  readonly signature: Signature;
  /** In the order of `signature.outputs`. */
  readonly outputs: readonly Tensor[];
  readonly rows: number;
}

/** @throws {ServeryError} `UNSUPPORTED` when an output holds bytes that are not text */
export function encodeScoring(answer: ScoringAnswer, form: ScoringForm, profile: ScoringProfile): string {
  const { signature, outputs, rows } = answer;
  if (profile === 'mlflow-compat') {
    return form === 'tensors' ? encodePythonTensors(signature, outputs) : encodePythonRecords(signature, outputs, rows);
  }
  if (form === 'records') {
    return `{"predictions": [${Array.from(jsonRows(signature, outputs, rows, false)).join(', ')}]}`;
  }
  const texts = signature.outputs.map(({ name }, i) => {
    const tensor = outputs[i]!;
    const { shape } = tensor;
    const text = shape.length === 0 ? jsonValue(tensor, 0, name) : jsonNested(tensor, shape, 0, name);
    return `${JSON.stringify(name)}: ${text}`;
  });
  return `{"predictions": {${texts.join(', ')}}}`;
}

/** To a frame without rows. */
export const NO_PREDICTIONS = '{"predictions": []}';
