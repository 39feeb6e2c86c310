/** What DuckDB gave is ours: it stays what it was when the memory that it lay in is long gone. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { DuckDBDataChunk } from '@duckdb/node-api';
import type { ColumnType } from '../../../src/core/columns.ts';
import { DEFAULT_LIMITS, openDuckDb, streamChunks } from '../../../src/dataset/duckdb.ts';
import { ColumnGatherer } from '../../../src/dataset/vectors-in.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const ROWS = 8192;
const COLUMNS: readonly (readonly [sql: string, type: ColumnType, value: (i: number) => unknown])[] = [
  ["'a text of more than twelve bytes, ' || n", 'TEXT', (i) => `a text of more than twelve bytes, ${i}`],
  [
    "encode('bytes, more than twelve, ' || n)",
    'BYTES',
    (i) => new TextEncoder().encode(`bytes, more than twelve, ${i}`),
  ],
  ["['first of row ' || n, 'second of row ' || n]", 'LIST', (i) => [`first of row ${i}`, `second of row ${i}`]],
  ['CAST(n AS DOUBLE)', 'FP64', (i) => i],
];

describe('ColumnGatherer', () => {
  it('has the values of chunks that were collected before it is asked', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    await using folder = await temporaryFolder();
    const duckdb = await openDuckDb(DEFAULT_LIMITS, folder.path);
    const connection = await duckdb.connect();
    const gatherer = new ColumnGatherer(COLUMNS.map(([, type]) => ({ type })));
    const sql = `SELECT ${COLUMNS.map(([expression]) => expression).join(', ')} FROM range(${ROWS}) t(n)`;
    for await (const chunk of streamChunks(connection, sql)) gatherer.add(chunk);
    for (let i = 0; i < 3; i += 1) {
      collect();
      await nextTurn();
    }
    // Whatever is free is written over: by other rows of the same lengths.
    const others: DuckDBDataChunk[] = [];
    for (let i = 0; i < 20; i += 1) {
      for await (const chunk of streamChunks(connection, sql.replaceAll('|| n', '|| n + 10000'))) others.push(chunk);
    }
    for (const [index, { values }] of gatherer.take().entries()) {
      assert.deepEqual(
        Array.from(values as ArrayLike<unknown>),
        Array.from({ length: ROWS }, (_, i) => COLUMNS[index]![2](i)),
      );
    }
    connection.closeSync();
    duckdb.close();
  });
});
