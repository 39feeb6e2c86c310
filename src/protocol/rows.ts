/** The mapping between rows and tensors that every way of calling a model by rows shares. */
export { decodeRows, type DecodeRowsOptions } from './rows/decode-rows.ts';
export { encodeRows, type EncodeRowsOptions } from './rows/encode-rows.ts';
export { exampleRows } from './rows/example-rows.ts';
export { decodeColumns, type BadRow, type RowGroup } from './rows/decode-columns.ts';
export { emptyOutputColumns, encodeColumns } from './rows/encode-columns.ts';
export { columnsToRead, inputColumns, type InputColumns } from './rows/input-columns.ts';
export { valueAt } from './rows/fill-column.ts';
