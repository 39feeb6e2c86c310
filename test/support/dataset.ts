/** Reads inputs whole, and makes files for them with a DuckDB of its own. */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import type { DataInterval } from '../../src/core/data-interval.ts';
import type { BadRow, InputRows, WantedColumn } from '../../src/dataset/input.ts';
import { openInput } from '../../src/dataset/open-input.ts';
import { inputOptions } from '../../src/dataset/options.ts';

export interface ReadAll {
  /** Values by column, in the order of the rows; null where there is none. */
  readonly rows: readonly Record<string, unknown>[];
  /** `SOURCE:NUMBER` of each row. */
  readonly numbers: readonly string[];
  readonly bad: readonly BadRow[];
  readonly types: Readonly<Record<string, string>>;
  readonly chunks: number;
  readonly checksum: string;
}

export interface ReadOptions {
  readonly interval?: DataInterval;
  readonly timezone?: string;
  readonly keepDamage?: boolean;
}

export async function readAll(
  workspace: string,
  input: Record<string, unknown>,
  wanted: readonly WantedColumn[],
  { interval, timezone = 'UTC', keepDamage = false }: ReadOptions = {},
): Promise<ReadAll> {
  const spoolFolder = join(workspace, `.spool-${randomUUID()}`);
  const options = inputOptions.parse(input);
  await using source = await openInput(options, { interval, timezone, workspace, spoolFolder });
  const onDamage = keepDamage ? 'keep' : 'fail';
  const plan = await source.plan(wanted, onDamage);
  const rows: Record<string, unknown>[] = [];
  const numbers: string[] = [];
  const bad: BadRow[] = [];
  for (const chunk of plan.chunks) {
    for await (const part of source.read(plan, chunk, onDamage)) {
      if (part.kind === 'bad') bad.push(part.bad);
      else {
        rows.push(...objects(part));
        for (let i = 0; i < part.rows; i += 1) {
          numbers.push(`${part.source}:${part.rowNumbers?.[i] ?? part.firstRow + i}`);
        }
      }
    }
  }
  const types = Object.fromEntries(plan.columns.map(({ name, type }) => [name, type]));
  return { rows, numbers, bad, types, chunks: plan.chunks.length, checksum: plan.checksum };
}

function objects({ columns, rows }: InputRows): Record<string, unknown>[] {
  return Array.from({ length: rows }, (_, i) =>
    Object.fromEntries(
      columns.map(({ name, type, values, nulls }) => {
        if (nulls?.[i] === 1) return [name, null];
        return [name, type === 'BOOL' ? values[i] === 1 : values[i]];
      }),
    ),
  );
}

/** Runs SQL in a DuckDB that nobody else uses; rows as objects of plain values. */
export async function sql(...statements: readonly string[]): Promise<Record<string, unknown>[]> {
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  let rows: Record<string, unknown>[] = [];
  for (const statement of statements) rows = await (await connection.run(statement)).getRowObjectsJS();
  connection.closeSync();
  instance.closeSync();
  return rows;
}
