/** SQLite as an input and an output. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { readAll } from '../../support/dataset.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { NUMBERED, numbered, writeOutput } from '../../support/write-output.ts';

const INTERVAL = { startMs: Date.parse('2026-11-23T11:00:00Z'), endMs: Date.parse('2026-11-23T11:30:00Z') };

test('values are what they are, and what does not fit makes a bad row', async () => {
  await using folder = await temporaryFolder();
  const database = new DatabaseSync(join(folder.path, 'shop.db'));
  database.exec(`CREATE TABLE orders (id INTEGER, x REAL, t TEXT);
    INSERT INTO orders VALUES (9007199254740993, 1.5, 'a'), (2, NULL, 'b"'), (3, 'oops', 'c'), (4, 2, NULL)`);
  database.close();
  const wanted = [
    { name: 'id', as: 'INT64' as const },
    { name: 'x', as: 'FP64' as const },
    { name: 't', as: 'BYTES' as const },
  ];
  const { rows, bad } = await readAll(folder.path, { sqlite: 'shop.db', table: 'orders' }, wanted);
  assert.deepEqual(rows, [
    { id: 9007199254740993n, x: 1.5, t: 'a' },
    { id: 2n, x: null, t: 'b"' },
    { id: 4n, x: 2, t: null },
  ]);
  assert.deepEqual(
    bad.map(({ source, row, payload }) => [source, row, payload]),
    [['sqlite:shop.db#orders', 3, { id: 3, x: 'oops', t: 'c' }]],
  );
});

test('large numbers are numbers', async () => {
  await using folder = await temporaryFolder();
  const database = new DatabaseSync(join(folder.path, 'shop.db'));
  database.exec('CREATE TABLE orders (x REAL); INSERT INTO orders VALUES (12345678901234567890), (1e300), (-0.5)');
  database.close();
  const { rows, types } = await readAll(folder.path, { sqlite: 'shop.db', table: 'orders' }, [{ name: 'x' }]);
  assert.deepEqual([rows.map(({ x }) => x), types['x']], [[Number('12345678901234567890'), 1e300, -0.5], 'FP64']);
});

test('the interval over texts and seconds, where, queries', async () => {
  await using folder = await temporaryFolder();
  const database = new DatabaseSync(join(folder.path, 'shop.db'));
  database.exec('CREATE TABLE orders (id INTEGER, t TEXT, s INTEGER)');
  for (let i = 0; i < 60; i += 1) {
    const ms = INTERVAL.startMs + (i - 5) * 60_000;
    database.prepare('INSERT INTO orders VALUES (?, ?, ?)').run(i, new Date(ms).toISOString(), ms / 1000);
  }
  database.close();
  for (const time of [{ timeColumn: 't' }, { timeColumn: 's', timeUnit: 's' }]) {
    const input = { sqlite: 'shop.db', query: 'SELECT * FROM orders', where: 'id % 10 = 0', ...time };
    const { rows } = await readAll(folder.path, input, [{ name: 'id', as: 'INT64' }], { interval: INTERVAL });
    assert.deepEqual(
      rows.map(({ id }) => Number(id)),
      [10, 20, 30],
    );
  }
  await assert.rejects(readAll(folder.path, { sqlite: 'no.db', table: 'orders' }, []), { code: 'DATA_NOT_FOUND' });
  await assert.rejects(readAll(folder.path, { sqlite: 'shop.db', table: 'no' }, []), { code: 'DATA_NOT_FOUND' });
});

test('a run is written once; an interval, or a key, replaces itself', async () => {
  await using folder = await temporaryFolder();
  const write = (runId: string, from: number, to: number, more: object = {}, interval = INTERVAL) =>
    writeOutput(
      folder.path,
      { sqlite: 'out.db', table: 'scores', ...more },
      { runId, interval, columns: NUMBERED, chunks: [[numbered(from, to)]] },
    );
  const count = (table = 'scores') => {
    const database = new DatabaseSync(join(folder.path, 'out.db'), { readOnly: true });
    const [row] = database.prepare(`SELECT count(*) AS n, min(id) AS least FROM ${table}`).all();
    database.close();
    return [row!['n'], row!['least']];
  };
  await write('a', 0, 5000);
  await write('a', 0, 5000);
  assert.deepEqual(count(), [5000, 0]);
  await write('b', 10, 13);
  assert.deepEqual(count(), [3, 10]);
  const longer = { ...INTERVAL, endMs: INTERVAL.endMs + 1 };
  await assert.rejects(write('longer', 0, 1, {}, longer), {
    code: 'OUTPUT_INVALID',
    message: /it holds that of interval 20261123T110000Z-20261123T113000Z/,
    hint: /^Remove the rows of "scores" whose "servery_interval" is "20261123T110000Z-20261123T113000Z"/,
  });
  await write('later', 20, 22, {}, { startMs: INTERVAL.endMs, endMs: longer.endMs });
  assert.deepEqual(count(), [5, 10]);
  await write('later again', 20, 20, {}, { startMs: INTERVAL.endMs, endMs: longer.endMs });
  await write('c', 0, 2, { mode: 'append' });
  assert.deepEqual(count(), [5, 0]);
  const upsert = { table: 'latest', mode: 'upsert', key: 'id' };
  await write('d', 0, 10, upsert);
  await write('e', 5, 15, upsert);
  assert.deepEqual(count('latest'), [15, 0]);
});

test('a table that cannot take the rows is left as it was', async () => {
  await using folder = await temporaryFolder();
  const database = new DatabaseSync(join(folder.path, 'out.db'));
  database.exec('CREATE TABLE scores (id INTEGER)');
  database.close();
  const run = { columns: NUMBERED, chunks: [[numbered(0, 1)]] };
  await assert.rejects(writeOutput(folder.path, { sqlite: 'out.db', table: 'scores' }, run), {
    code: 'OUTPUT_INVALID',
    message: /"t"/,
  });
});
