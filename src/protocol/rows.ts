/** skeleton: types first */
import type { Signature } from '../core/signature.ts';
import type { NamedTensor, Tensor } from '../core/tensor.ts';

export interface DecodeRowsOptions {
  /** `refuse` (default) online; `ignore` for files, whose other columns are left alone. */
  readonly unknownKeys?: 'refuse' | 'ignore';
}
export declare function decodeRows(
  signature: Signature,
  rows: readonly unknown[],
  options?: DecodeRowsOptions,
): readonly NamedTensor[];
export declare function encodeRows(
  signature: Signature,
  outputs: readonly Tensor[],
  rows: number,
  options?: { readonly labels?: boolean },
): Record<string, unknown>[];
/** Made rows that fit the signature; a free inner axis gets `freeAxisSize` (default 1). */
export declare function exampleRows(
  signature: Signature,
  count: number,
  freeAxisSize?: number,
): Record<string, unknown>[];
