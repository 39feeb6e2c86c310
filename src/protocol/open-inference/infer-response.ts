/** skeleton: types first */
import type { InferAnswer } from './infer-types.ts';

export interface EncodedInfer {
  /** Text when it is JSON alone. */
  readonly body: string | Uint8Array;
  /** Set when binary tensors follow the JSON: value of Inference-Header-Content-Length. */
  readonly headerLength: number | undefined;
}
export declare function encodeInferResponse(answer: InferAnswer): EncodedInfer;
