/** skeleton: types first */
import type { Signature } from '../../core/signature.ts';
import type { NamedTensor } from '../../core/tensor.ts';
import type { DecodeLimits, InferRequest } from './infer-types.ts';

/** @param headerLength value of Inference-Header-Content-Length; undefined when the whole body is JSON */
export declare function decodeInferRequest(
  body: Uint8Array,
  headerLength: number | undefined,
  limits?: DecodeLimits,
): InferRequest;

/** The tensors of a request, after checks that only make sense against a signature: number of inputs, requested outputs. */
export declare function bindInferRequest(request: InferRequest, signature: Signature, model: string): readonly NamedTensor[];

/** Reads the header Inference-Header-Content-Length. @throws INVALID_REQUEST unless digits */
export declare function parseHeaderLength(text: string | undefined): number | undefined;
