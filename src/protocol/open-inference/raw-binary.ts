/** skeleton: types first */
import type { Signature } from '../../core/signature.ts';
import type { NamedTensor } from '../../core/tensor.ts';

/** Header length 0: the body is the only input. All outputs are answered in binary. */
export declare function decodeRawBinary(body: Uint8Array, signature: Signature): readonly NamedTensor[];
