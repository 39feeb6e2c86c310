import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { DuckDBInstance } from '@duckdb/node-api';
import { ServeryError } from '../../../src/core/errors.ts';
import { readParquetBody } from '../../../src/dataset/parquet-body.ts';
import { Random } from '../../support/fuzz.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

async function parquetOf(sql: string): Promise<Uint8Array> {
  await using folder = await temporaryFolder();
  const path = join(folder.path, 'rows.parquet');
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  await connection.run(`COPY (${sql}) TO '${path}' (FORMAT parquet)`);
  instance.closeSync();
  return await readFile(path);
}

test('a body has its rows and the types of its columns', async () => {
  const body = await parquetOf("SELECT 9007199254740993 AS n, 'x' AS t, [1.5::FLOAT] AS l, NULL::DOUBLE AS d");
  const { columns, rows } = await readParquetBody(body, 100);
  assert.deepEqual(
    columns.map(({ name, sqlType }) => [name, sqlType]),
    [
      ['n', 'BIGINT'],
      ['t', 'VARCHAR'],
      ['l', 'FLOAT[]'],
      ['d', 'DOUBLE'],
    ],
  );
  assert.deepEqual(rows, [{ n: 9007199254740993n, t: 'x', l: [1.5], d: null }]);
});

test('few bytes that stand for many rows are refused before they are read', async () => {
  const body = await parquetOf('SELECT 1 AS n FROM range(1000000)');
  assert.ok(body.length < 100_000);
  await assert.rejects(readParquetBody(body, 999_999), { code: 'PAYLOAD_TOO_LARGE' });
});

test('damaged bodies fail as such, and stop nothing', async () => {
  const body = await parquetOf("SELECT range AS n, 'text' || range AS t, [range, 2] AS l FROM range(50)");
  for (let seed = 1; seed <= 150; seed += 1) {
    const random = new Random(seed);
    const bytes = random.mutate(body, [random.bytes(3), Buffer.from('PAR1'), Uint8Array.of(0xff, 0xff, 0xff, 0xff)]);
    try {
      await readParquetBody(bytes, 10_000);
    } catch (error) {
      if (!(error instanceof ServeryError) || error.code === 'INTERNAL') {
        throw new Error(`seed ${seed}`, { cause: error });
      }
    }
  }
});
