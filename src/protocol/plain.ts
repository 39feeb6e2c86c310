/** skeleton: types first */
import type { Signature } from '../core/signature.ts';
import type { NamedTensor, Tensor } from '../core/tensor.ts';
import type { DecodeLimits } from './json.ts';

export type PlainForm = 'json' | 'ndjson' | 'csv';
export declare const PLAIN_CONTENT_TYPES: Readonly<Record<PlainForm, string>>;
/** The form of a Content-Type (parameters are ignored), or undefined. */
export declare function plainForm(contentType: string): PlainForm | undefined;

export declare function decodePlainRequest(
  body: Uint8Array,
  form: PlainForm,
  signature: Signature,
  limits?: DecodeLimits,
): readonly NamedTensor[];

export interface PlainAnswer {
  readonly model: { readonly name: string; readonly version: number };
  readonly signature: Signature;
  readonly outputs: readonly Tensor[];
  readonly rows: number;
}
export declare function encodePlainResponse(
  answer: PlainAnswer,
  form: PlainForm,
  options: { readonly labels: boolean },
): string;
