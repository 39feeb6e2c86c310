/** Writes an output whole: one call for a run. */
import type { Column } from '../../src/core/columns.ts';
import type { DataInterval } from '../../src/core/data-interval.ts';
import type { BadRow } from '../../src/dataset/input.ts';
import { openOutput } from '../../src/dataset/open-output.ts';
import { outputOptions } from '../../src/dataset/options.ts';
import type { Committed, OutputColumns, StagedBadRows, StagedChunk } from '../../src/dataset/output.ts';

export interface RunToWrite {
  readonly runId?: string;
  readonly interval?: DataInterval;
  readonly columns: OutputColumns;
  /** The chunks, each of several parts. */
  readonly chunks: readonly (readonly { readonly rows: number; readonly columns: readonly Column[] }[])[];
  readonly bad?: readonly BadRow[];
  confirmLease?(): Promise<void>;
}

export async function writeOutput(
  workspace: string,
  output: Record<string, unknown>,
  { runId = 'run', interval, columns, chunks, bad = [], confirmLease = () => Promise.resolve() }: RunToWrite,
): Promise<Committed> {
  await using target = await openOutput(outputOptions.parse(output), columns, {
    interval,
    workspace,
    runId,
    step: 'predict',
  });
  const staged: StagedChunk[] = [];
  for (const [index, parts] of chunks.entries()) {
    await using writer = await target.stageChunk(index);
    for (const part of parts) await writer.write(part);
    staged.push(await writer.finish());
  }
  const badRows: StagedBadRows[] = [];
  await using badWriter = await target.stageBadRows(0);
  for (const row of bad) badWriter.write(row);
  const found = await badWriter.finish();
  if (found !== undefined) badRows.push(found);
  return await target.finalise({ staged, badRows, facts: { model: 'm/1' }, confirmLease });
}

/** Chunks of rows `from` to `to` with their number and a text. */
export function numbered(from: number, to: number): { readonly rows: number; readonly columns: readonly Column[] } {
  const rows = to - from;
  return {
    rows,
    columns: [
      { name: 'id', type: 'INT64', values: BigInt64Array.from({ length: rows }, (_, i) => BigInt(from + i)) },
      { name: 't', type: 'TEXT', values: Array.from({ length: rows }, (_, i) => `row ${from + i}`) },
    ],
  };
}

export const NUMBERED: OutputColumns = [
  { name: 'id', type: 'INT64' },
  { name: 't', type: 'TEXT' },
];
