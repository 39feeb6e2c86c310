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

/** Each opens a database: 10,000 take minutes. */
const DAMAGED = process.env['SERVERY_LONG'] === '1' ? 10_000 : 200;

test('damaged bodies fail as such, and stop nothing', { timeout: 1_200_000 }, async () => {
  const body = await parquetOf("SELECT range AS n, 'text' || range AS t, [range, 2] AS l FROM range(50)");
  for (let seed = 1; seed <= DAMAGED; seed += 1) {
    const random = new Random(seed);
    const bytes = random.chance(0.5) ? withWrongBytes(body, random) : random.mutate(body, pieces(random));
    try {
      await readParquetBody(bytes, 10_000);
    } catch (error) {
      if (!(error instanceof ServeryError) || error.code === 'INTERNAL') {
        throw new Error(`seed ${seed}`, { cause: error });
      }
    }
  }
});

function pieces(random: Random): readonly Uint8Array[] {
  return [random.bytes(3), Buffer.from('PAR1'), Uint8Array.of(0xff, 0xff, 0xff, 0xff)];
}

/** In their places, so that what lies behind them is read too; half of them in the footer. */
function withWrongBytes(body: Uint8Array, random: Random): Uint8Array {
  const bytes = Uint8Array.from(body);
  const footer = new DataView(body.buffer, body.byteOffset).getUint32(body.length - 8, true);
  for (let times = 1 + random.below(4); times > 0; times -= 1) {
    const size = random.chance(0.5) ? footer + 8 : body.length;
    bytes[body.length - 1 - random.below(size)] = random.bits() & 0xff;
  }
  return bytes;
}
