/** PostgreSQL as an input and an output, with a server of its own. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import pg from 'pg';
import { forgetRuns } from '../../src/dataset/forget-runs.ts';
import { outputOptions } from '../../src/dataset/options.ts';
import { readAll } from '../support/dataset.ts';
import { startPostgres, type Postgres } from '../support/postgres.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { NUMBERED, numbered, writeOutput } from '../support/write-output.ts';

const programs = process.env['SERVERY_TEST_POSTGRES']!;
const INTERVAL = { startMs: Date.parse('2026-11-23T11:00:00Z'), endMs: Date.parse('2026-11-23T11:30:00Z') };
let server: Postgres;
let client: pg.Client;

before(async () => {
  server = await startPostgres(programs);
  client = new pg.Client({ connectionString: server.address });
  await client.connect();
});
after(async () => {
  await client.end();
  await server[Symbol.asyncDispose]();
});

test('tables are read by type, in one snapshot', async () => {
  await using folder = await temporaryFolder();
  await client.query(`CREATE TABLE every AS SELECT 9007199254740992 + i AS big, i::real / 10 AS f, i::numeric / 3 AS n,
    i % 2 = 0 AS ok, 'té"xt' || i AS t, ARRAY[i, NULL, 2] AS l, NULL::int AS missing FROM generate_series(0, 2999) i`);
  const wanted = [
    { name: 'big', as: 'INT64' },
    { name: 'f', as: 'FP32' },
    { name: 'n', as: 'FP64' },
    { name: 'ok', as: 'BOOL' },
    { name: 't', as: 'BYTES' },
    { name: 'l', as: 'LIST' },
    { name: 'missing', as: 'FP64' },
  ] as const;
  const { rows, bad } = await readAll(
    folder.path,
    { postgres: server.address, table: 'every', chunkRows: 1000 },
    wanted,
  );
  assert.deepEqual(bad, []);
  assert.equal(rows.length, 3000);
  assert.deepEqual(rows[1], {
    big: 9007199254740993n,
    f: 0.1,
    n: 1 / 3,
    ok: false,
    t: 'té"xt1',
    l: [1, null, 2],
    missing: null,
  });
});

test('the interval, where and queries', async () => {
  await using folder = await temporaryFolder();
  await client.query(`CREATE TABLE orders AS SELECT i AS id, timestamptz '2026-11-23 10:59:00Z' + i * interval '1 minute' AS tz,
    timestamp '2026-11-23 19:59:00' + i * interval '1 minute' AS local FROM generate_series(0, 60) i`);
  for (const timeColumn of ['tz', 'local']) {
    const input = {
      postgres: server.address,
      table: 'public.orders',
      timeColumn,
      timeZone: 'Asia/Seoul',
      where: 'id % 2 = 1',
    };
    const { rows } = await readAll(folder.path, input, [{ name: 'id', as: 'INT64' }], { interval: INTERVAL });
    assert.deepEqual(
      rows.map(({ id }) => Number(id)),
      Array.from({ length: 15 }, (_, i) => 2 * i + 1),
      timeColumn,
    );
  }
  const query = 'SELECT sum(id) AS total FROM orders';
  const { rows } = await readAll(folder.path, { postgres: server.address, query }, [{ name: 'total', as: 'INT64' }]);
  assert.deepEqual(rows, [{ total: 1830n }]);
});

test('what is not there is said', async () => {
  await using folder = await temporaryFolder();
  await assert.rejects(readAll(folder.path, { postgres: server.address, table: 'nothing' }, []), {
    code: 'DATA_NOT_FOUND',
  });
  const closed = 'postgres://servery@127.0.0.1:1/postgres';
  await assert.rejects(readAll(folder.path, { postgres: closed, table: 'nothing' }, []), { code: 'DATABASE_FAILED' });
  const secret = { secret: 'SERVERY_TEST_NO_SUCH_SECRET' };
  await assert.rejects(readAll(folder.path, { postgres: secret, table: 'nothing' }, []), { code: 'SECRET_NOT_FOUND' });
});

test('a run is written once, and an interval replaces itself', async () => {
  await using folder = await temporaryFolder();
  const output = { postgres: server.address, table: 'scores' };
  const write = (runId: string, to: number, mode = 'replaceInterval', interval = INTERVAL) =>
    writeOutput(
      folder.path,
      { ...output, mode },
      { runId, interval, columns: NUMBERED, chunks: [[numbered(0, to)], [numbered(to, to + 2)]] },
    );
  const count = async () => Number((await client.query<{ n: string }>('SELECT count(*) AS n FROM scores')).rows[0]!.n);
  await write('a', 5000);
  assert.equal(await count(), 5002);
  await write('a', 5000);
  assert.equal(await count(), 5002);
  await write('b', 3);
  assert.equal(await count(), 5);
  const longer = { ...INTERVAL, endMs: INTERVAL.endMs + 1 };
  await assert.rejects(write('longer', 1, 'replaceInterval', longer), {
    code: 'OUTPUT_INVALID',
    message: /it holds that of interval 20261123T110000Z-20261123T113000Z/,
  });
  await write('c', 3, 'append');
  assert.equal(await count(), 10);
  const { rows } = await client.query<{ id: string; t: string }>('SELECT * FROM scores LIMIT 1');
  assert.deepEqual(rows[0], { id: '0', t: 'row 0', servery_interval: '20261123T110000Z-20261123T113000Z' });
});

test('a lease that was lost changes nothing', async () => {
  await using folder = await temporaryFolder();
  const output = { postgres: server.address, table: 'fenced' };
  const confirmLease = () => Promise.reject(new Error('lost'));
  await assert.rejects(
    writeOutput(folder.path, output, { columns: NUMBERED, chunks: [[numbered(0, 1)]], confirmLease }),
  );
  await assert.rejects(client.query('SELECT * FROM fenced'), { code: '42P01' });
});

test('notes go with their runs, but the last one of an interval', async () => {
  await using folder = await temporaryFolder();
  const output = { postgres: server.address, table: 'forgotten' };
  for (const runId of ['first', 'second', 'third']) {
    await writeOutput(folder.path, output, {
      runId,
      interval: INTERVAL,
      columns: NUMBERED,
      chunks: [[numbered(0, 3)]],
    });
  }
  const gone = ['first', 'second', 'third'].map((runId) => ({ runId, step: 'predict', interval: INTERVAL }));
  await forgetRuns(outputOptions.parse(output), folder.path, gone);
  const { rows } = await client.query("SELECT run FROM servery_commits WHERE output = 'forgotten'");
  assert.deepEqual(rows, [{ run: 'third.predict' }]);
});
