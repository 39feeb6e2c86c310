/** What a run gave, as answers: its rows counted, and chunks of one request put together. */
import { ServeryError } from '../core/errors.ts';
import type { ModelVersion } from '../core/model.ts';
import { elementCount, isBytes, type NumericData, type Tensor } from '../core/tensor.ts';

/** A fault of the model, not of a row: it would fail every half too. */
export class RowCountError extends ServeryError {}

export function checkRowCounts(outputs: readonly Tensor[], rows: number, { name, version }: ModelVersion): void {
  for (const { shape } of outputs) {
    if (shape[0] === rows) continue;
    const message = `Model ${name}/${version} gave ${shape[0] ?? 'no'} rows for ${rows}`;
    throw new RowCountError('MODEL_FAILED', message, { hint: 'An output must have a row for each row of the input.' });
  }
}

export function concatenate(chunks: readonly (readonly Tensor[])[]): readonly Tensor[] {
  const [first = []] = chunks;
  return first.map(({ datatype, shape: [, ...inner] }, output) => {
    const parts = chunks.map((chunk) => chunk[output]!);
    const shape = [parts.reduce((rows, part) => rows + part.shape[0]!, 0), ...inner];
    if (isBytes(parts[0]!.data)) return { datatype, shape, data: parts.flatMap((part) => part.data as never[]) };
    const data = parts[0]!.data;
    const joined = new (data.constructor as new (length: number) => NumericData)(elementCount(shape));
    let at = 0;
    for (const part of parts) {
      joined.set(part.data as never, at);
      at += part.data.length;
    }
    return { datatype, shape, data: joined };
  });
}
