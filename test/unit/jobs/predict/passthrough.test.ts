/** What is carried through a step keeps its form: lists of any depth, long integers, objects, bytes. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, it } from 'node:test';
import { createFileLedger } from '../../../../src/jobs/predict/file-ledger.ts';
import { batchWorkspace, type BatchWorkspace } from '../../../support/batch-models.ts';
import { runStep, sql, type StepInput } from '../../../support/predict-step.ts';

async function textOf(workspace: BatchWorkspace, output: string, step: Omit<StepInput, 'output'>): Promise<string> {
  const ledger = createFileLedger(join(workspace.path, `${output}.ledger`));
  const { outputs } = await runStep(workspace, { ...step, output }, { runId: output }, ledger);
  return readFile(outputs[0]!, 'utf8');
}

describe('lists that the model takes', () => {
  const image = [
    [
      [1, 2],
      [3, 4],
    ],
    [
      [1, 2],
      [3, 4],
    ],
    [
      [5, 6],
      [7, 8.5],
    ],
  ];

  it('are carried through at any depth', async () => {
    await using workspace = await batchWorkspace('mean-pool');
    await workspace.write('in.ndjson', `${JSON.stringify({ image })}\n`);
    await workspace.write('in.csv', `image\n"${JSON.stringify(image)}"\n`);
    for (const input of ['in.ndjson', 'in.csv']) {
      const step = { model: 'mean-pool', input, passthrough: 'all' as const };
      const line = JSON.parse(await textOf(workspace, `of-${input}.ndjson`, step)) as object;
      assert.deepEqual(line, { image, mean: [2.5, 2.5, 6.625] });
      const csv = await textOf(workspace, `of-${input}.csv`, step);
      assert.equal(csv, `image,mean\n"${JSON.stringify(image)}","[2.5,2.5,6.625]"\n`);
      await textOf(workspace, `of-${input}.parquet`, step);
      const [row] = await sql(`SELECT image FROM '${join(workspace.path, `of-${input}.parquet`)}'`);
      assert.deepEqual(JSON.parse(String(row!['image'])), image);
    }
  });

  it('keep their texts, and integers beyond 2^53, as online', async () => {
    await using workspace = await batchWorkspace('identity-bytes', 'identity-int64');
    await workspace.write('texts.ndjson', '{"x":["a","é"]}\n');
    const texts = { model: 'identity-bytes', input: 'texts.ndjson', passthrough: 'all' as const };
    assert.equal(await textOf(workspace, 'texts-out.ndjson', texts), '{"x":["a","é"],"y":["a","é"]}\n');
    const longs = '[9007199254740993,-9223372036854775808]';
    await workspace.write('longs.ndjson', `{"x":${longs}}\n`);
    await workspace.write('longs.csv', `x\n"${longs}"\n`);
    for (const input of ['longs.ndjson', 'longs.csv']) {
      const step = { model: 'identity-int64', input, passthrough: 'all' as const };
      assert.equal(await textOf(workspace, `of-${input}.ndjson`, step), `{"x":${longs},"y":${longs}}\n`);
    }
  });

  it('have no value where they are what makes the row bad', async () => {
    await using workspace = await batchWorkspace('identity-int64');
    const lists = ['[1,2]', '["a",2]', '[1.5,2]', '[[1],2]', '[99999999999999999999,2]'];
    await workspace.write('in.ndjson', lists.map((list, id) => `{"id":${id},"x":${list}}\n`).join(''));
    const step = {
      model: 'identity-int64',
      input: 'in.ndjson',
      passthrough: 'all' as const,
      onBadRow: 'null' as const,
    };
    const bad = [1, 2, 3, 4].map((id) => `{"id":${id},"x":null,"y":null}\n`);
    assert.equal(await textOf(workspace, 'out.ndjson', step), `{"id":0,"x":[1,2],"y":[1,2]}\n${bad.join('')}`);
  });
});

describe('columns of NDJSON that nobody has named a type for', () => {
  const values = {
    object: '{"a":[1,"b"],"c":null}',
    mixed: '"text"',
    unsigned: '18446744073709551615',
    digits: '0.12345678901234568',
    list: '[1,[2]]',
  };
  const line = `{"x":1.0,${Object.entries(values)
    .map(([name, value]) => `"${name}":${value}`)
    .join(',')}}\n`;

  it('are written as they were read', async () => {
    await using workspace = await batchWorkspace('doubler');
    await workspace.write('in.ndjson', `${line}{"x":2.0,"mixed":1}\n`);
    const step = { model: 'doubler', input: 'in.ndjson', passthrough: Object.keys(values) };
    const nulls = '{"object":null,"mixed":1,"unsigned":null,"digits":null,"list":null,"y":4.0}\n';
    const out = await textOf(workspace, 'out.ndjson', step);
    assert.equal(out, `${line.replace('"x":1.0,', '').replace('}\n', ',"y":2.0}\n')}${nulls}`);
  });
});

describe('lists that a model gives', () => {
  it('keep long integers and truth values at any depth, and bytes that are no text', async () => {
    await using workspace = await batchWorkspace();
    await workspace.write(
      'models/odd/1/handler.ts',
      `import { defineHandler } from 'servery';
export default defineHandler({
  signature: {
    inputs: { n: { datatype: 'INT64' } },
    outputs: {
      deep: { datatype: 'INT64', shape: [2, 1] },
      flags: { datatype: 'BOOL', shape: [2] },
      wide: { datatype: 'UINT64', shape: [65] },
      bytes: { datatype: 'BYTES', shape: [2] },
      raw: { datatype: 'BYTES' },
    },
  },
  predict: (rows) => rows.map(({ n }) => ({
    deep: [[BigInt(n)], [9007199254740993n]],
    flags: [true, false],
    wide: Array.from({ length: 65 }, (_, i) => (i === 0 ? 18446744073709551615n : BigInt(i))),
    bytes: ['text', BigInt(n) >= 3000n ? Uint8Array.of(0xff, 0) : 'é'],
    raw: BigInt(n) >= 3000n ? Uint8Array.of(0xff, 0) : 'é',
  })),
});
`,
    );
    await workspace.write('in.ndjson', Array.from({ length: 4000 }, (_, n) => `{"n":${n}}\n`).join(''));
    for (const chunkRows of [4000, 2500]) {
      const output = `of-${chunkRows}.parquet`;
      await textOf(workspace, output, { model: 'odd', input: { path: 'in.ndjson', chunkRows } });
      const found = await sql(
        `SELECT count(*)::INT AS rows, count(*) FILTER (deep = [[n], [9007199254740993]])::INT AS deep,
           count(*) FILTER (flags = [true, false])::INT AS flags,
           count(*) FILTER (wide[1] = 18446744073709551615 AND wide[65] = 64 AND len(wide) = 65)::INT AS wide,
           count(*) FILTER (bytes = [encode('text'), CASE WHEN n >= 3000 THEN '\\xFF\\x00'::BLOB ELSE encode('é') END])::INT AS bytes
         FROM (SELECT *, row_number() OVER () - 1 AS n FROM '${join(workspace.path, output)}')`,
      );
      assert.deepEqual(found, [{ rows: 4000, deep: 4000, flags: 4000, wide: 4000, bytes: 4000 }]);
    }
    await runStep(
      workspace,
      { model: 'odd', input: { path: 'in.ndjson', chunkRows: 2500 }, output: { sqlite: 'out.db', table: 'odd' } },
      { runId: 'database' },
      createFileLedger(join(workspace.path, 'database.ledger')),
    );
    using database = new DatabaseSync(join(workspace.path, 'out.db'));
    const raw = database.prepare('SELECT hex(raw) AS raw, count(*) AS n FROM odd GROUP BY 1 ORDER BY 1').all();
    assert.deepEqual(
      raw.map((row) => ({ ...row })),
      [
        { raw: 'C3A9', n: 3000 },
        { raw: 'FF00', n: 1000 },
      ],
    );
  });
});
