/** Rows of a data frame, in whatever form they came, as tensors. */
import { ServeryError } from '../../core/errors.ts';
import type { NamedTensor } from '../../core/tensor.ts';
import { parseBareCsv, parseCsv } from '../csv.ts';
import { InexactInteger } from '../json.ts';
import { decodeRows } from '../rows/decode-rows.ts';
import { isList } from '../values-in.ts';
import type { RowForm, Rows } from './coercion.ts';
import { readPandasCsv } from './csv-frame.ts';
import { checkFrame } from './frame-shape.ts';
import { refuseMissing } from './missing.ts';
import { isRecord } from './python-json.ts';
import { bareInput, type Reader } from './reader.ts';
import { evaluationFailed, invalid, unparsable } from './scoring-failure.ts';

/** There is a header always; what a model without named columns gets is the order of the cells. */
export function readCsv(text: string, reader: Reader): readonly NamedTensor[] {
  const { signature, schema, isLax } = reader;
  const isBare = bareInput(reader) !== undefined;
  if (isLax) {
    return readRows(
      parsed(() => readPandasCsv(text, schema, isBare)),
      'typed',
      reader,
    );
  }
  if (isBare) {
    if (text.trim() === '') throw unparsable('CSV', 'No columns to parse from file');
    // The header is left out, and its line still counts.
    const cells = text.replace(/^.*/, '');
    return readRows(
      parsed(() => parseBareCsv(cells, signature).rows),
      'cells',
      reader,
    );
  }
  const { rows, nameRow } = parsed(() => parseCsv(text, signature));
  return readRows(rows, 'cells', reader, nameRow);
}

/** What is no CSV, in MLflow's words. */
function parsed<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    const [, problem] = /^Cannot read the CSV(?::)? ?(.*)$/.exec((error as Error).message) ?? [];
    throw problem === undefined ? error : unparsable('CSV', problem, error);
  }
}

/** Columns that the model does not know are left out, as MLflow does. `typed` values have been converted. */
export function readRows(
  rows: Rows,
  form: RowForm | 'typed',
  reader: Reader,
  nameRow?: (i: number) => string,
): readonly NamedTensor[] {
  const { signature, schema, limits, coercion, isLax } = reader;
  const bare = bareInput(reader);
  const inOrder = rows.map((row) => {
    if (bare === undefined || !isRecord(row) || Object.hasOwn(row, bare.name)) return row;
    return Object.values(row);
  });
  const wide = withoutSurplus(inOrder, reader);
  refuseMissing(wide, reader);
  if (form !== 'tensors' && schema.declared === 'tensors') checkFrame(wide, reader);
  const typed = form === 'typed' ? wide : coercion.rows(wide, form);
  const options = {
    unknownKeys: 'ignore',
    nonFinite: isLax ? 'accept' : 'refuse',
    limits,
    ...(nameRow !== undefined && { nameRow }),
  } as const;
  try {
    return decodeRows(signature, typed, options);
  } catch (error) {
    if (!(error instanceof ServeryError) || error.code !== 'INVALID_INPUT' || error instanceof InexactInteger) {
      throw error;
    }
    // Without a signature MLflow notices it as late as in the model.
    if (isLax && schema.declared === undefined && form !== 'tensors') throw evaluationFailed(error.message, error);
    throw invalid((form === 'tensors' ? '' : 'Data is not compatible with model signature. ') + error.message, error);
  }
}

/** Cells beyond the columns that are known by their position. */
function withoutSurplus(rows: Rows, { schema }: Reader): Rows {
  const { columns, declared } = schema;
  const isPositional = declared === 'columns' && columns.every(({ name }) => name === undefined);
  if (!isPositional) return rows;
  return rows.map((row) =>
    isList(row) && row.length > columns.length ? Array.from(row).slice(0, columns.length) : row,
  );
}
