/** `servery/client`: nothing of Node.js in it, so it runs in a browser as it is. */
export { createClient } from './client.ts';
export type { CallOptions, ClientOptions, Models, RowsAnswer, ServeryClient } from './client.ts';
export type { InferAnswer } from './infer-codec.ts';
export { ServeryError, type ErrorCode } from '../core/errors.ts';
export type { BytesElement, Datatype, Tensor } from '../core/tensor.ts';
