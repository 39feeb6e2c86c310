/** The mapping between rows and tensors that every way of calling a model by rows shares. */
export { decodeRows, type DecodeRowsOptions } from './rows/decode-rows.ts';
export { encodeRows, type EncodeRowsOptions } from './rows/encode-rows.ts';
export { exampleRows } from './rows/example-rows.ts';
