/** What can be wrong with a file: a bad row costs itself, every other row comes out right, and in = out + bad. */
import assert from 'node:assert/strict';
import { readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, beforeEach, describe, it } from 'node:test';
import { batchWorkspace, type BatchWorkspace } from '../../../support/batch-models.ts';
import { readNdjson, runStep, sql, type StepInput } from '../../../support/predict-step.ts';

let workspace: BatchWorkspace;
let number = 0;
before(async () => {
  workspace = await batchWorkspace('doubler', 'fails-on-negative', 'identity-bytes');
  await workspace.write('models/lenient/model.yaml', 'inputs: { x: { missing: nan } }\n');
  await workspace.put('doubler', 1, 'lenient');
});
after(() => workspace[Symbol.asyncDispose]());
beforeEach(() => (number += 1));

/** Quarantines, and gives the rows, and row, stage and code of the bad ones. */
async function quarantine(options: Omit<StepInput, 'onBadRow'>) {
  const run = `run-${number}`;
  const output = `out-${number}.ndjson`;
  const outcome = await runStep(workspace, { ...options, output, onBadRow: 'quarantine' }, { runId: run }, noLedger());
  const { rows } = outcome;
  assert.equal(rows.in, rows.out + rows.bad, 'in = out + bad');
  const out = await readNdjson(join(workspace.path, output));
  assert.equal(out.length, rows.out);
  const bad = (await Promise.all(outcome.badRows.map(readNdjson))).flat();
  return { rows, out, bad, named: bad.map(({ row, stage, code }) => [row, stage, code]) };
}

function noLedger() {
  return {
    readPlan: () => Promise.resolve(undefined),
    savePlan: () => Promise.resolve(),
    committedChunks: () => Promise.resolve([]),
    commitChunk: () => Promise.resolve(),
    confirmLease: () => Promise.resolve(),
  };
}

const doubled = (out: readonly Record<string, unknown>[]) => out.map(({ id, y }) => [id, y]);

describe('CSV', () => {
  it('a line with too few or too many cells', async () => {
    await workspace.write('a.csv', 'id,x\na,1\nb\nc,3\nd,4,5\ne,6\n');
    const { rows, out, named } = await quarantine({ model: 'doubler', input: 'a.csv', passthrough: ['id'] });
    assert.deepEqual([rows.in, rows.bad], [5, 2]);
    assert.deepEqual(doubled(out), [
      ['a', 2],
      ['c', 6],
      ['e', 12],
    ]);
    assert.deepEqual(
      named.map(([row, stage]) => [row, stage]),
      [
        [2, 'parse'],
        [4, 'parse'],
      ],
    );
  });

  it('a quote that is never closed', async () => {
    await workspace.write('b.csv', 'id,x\na,1\n"b,2\nc,3\nd,4\n');
    const { rows, out, bad } = await quarantine({ model: 'doubler', input: 'b.csv', passthrough: ['id'] });
    assert.deepEqual(doubled(out), [
      ['a', 2],
      ['c', 6],
      ['d', 8],
    ]);
    assert.equal(rows.bad, 1);
    assert.equal(bad[0]!['stage'], 'parse');
  });

  it('a word where a number is wanted, and NaN', async () => {
    await workspace.write('c.csv', 'id,x\na,1\nb,two\nc,NaN\nd,\ne,1e999\nf,6\n');
    const { out, named, bad } = await quarantine({ model: 'doubler', input: 'c.csv', passthrough: ['id'] });
    assert.deepEqual(doubled(out), [
      ['a', 2],
      ['f', 12],
    ]);
    assert.deepEqual(
      named.map(([row]) => row),
      [2, 3, 4, 5],
    );
    for (const { payload, message } of bad) assert.ok(payload !== undefined && message !== undefined);
  });

  it('a missing value where the model allows it', async () => {
    await workspace.write('d.csv', 'id,x\na,1\nb,\nc,3\n');
    const { rows, out } = await quarantine({ model: 'lenient', input: 'd.csv', passthrough: ['id'] });
    assert.equal(rows.bad, 0);
    assert.deepEqual(
      out.map(({ y }) => y),
      [2, null, 6],
    );
  });
});

describe('NDJSON', () => {
  it('a line cut in half, a value of another type, a row that is none', async () => {
    const lines = ['{"id":1,"x":1}', '{"id":2,"x":', '{"id":3,"x":"3"}', '[4]', '{"id":5}', '{"id":6,"x":6}'];
    await workspace.write('a.ndjson', lines.join('\n'));
    const { out, named } = await quarantine({ model: 'doubler', input: 'a.ndjson', passthrough: ['id'] });
    assert.deepEqual(doubled(out), [
      [1, 2],
      [6, 12],
    ]);
    assert.deepEqual(
      named.map(([row]) => row),
      [2, 3, 4, 5],
    );
  });
});

describe('Parquet', () => {
  const file = () => join(workspace.path, 'data.parquet');

  it('NaN, infinity, null and a number that the model cannot hold', async () => {
    const values = `(VALUES ('a', 1::DOUBLE), ('b', 'nan'), ('c', 'inf'), ('d', NULL), ('e', 1e300), ('f', 6)) t(id, x)`;
    await sql(`COPY (SELECT * FROM ${values}) TO '${file()}'`);
    const { out, named } = await quarantine({ model: 'doubler', input: 'data.parquet', passthrough: ['id'] });
    assert.deepEqual(doubled(out), [
      ['a', 2],
      ['f', 12],
    ]);
    assert.deepEqual(
      named,
      [2, 3, 4, 5].map((row) => [row, 'schema', 'INVALID_INPUT']),
    );
  });

  it('a column of the wrong type makes every row bad, not wrong', async () => {
    await sql(`COPY (SELECT range::VARCHAR AS x FROM range(3)) TO '${file()}'`);
    const { rows, bad } = await quarantine({ model: 'doubler', input: 'data.parquet' });
    assert.deepEqual(rows, { in: 3, out: 0, bad: 3, nulled: 0 });
    assert.match(String(bad[0]!['message']), /it is a string, expected a number/);
  });

  it('a BIGINT that is too large for an INT32 or was never a number', async () => {
    await sql(`COPY (SELECT unnest([1, -1, 9223372036854775807, 3]) AS x) TO '${file()}'`);
    const { out, named } = await quarantine({ model: 'fails-on-negative', input: 'data.parquet' });
    assert.deepEqual(out, [{ y: 20 }, { y: 40 }, { y: 40 }]);
    assert.deepEqual(named, [[2, 'predict', 'MODEL_FAILED']]);
  });

  it('a file that was cut off', async () => {
    const whole = join(workspace.path, 'parts/a.parquet');
    await workspace.write('parts/.keep', '');
    await sql(`COPY (SELECT range AS id, range::FLOAT AS x FROM range(5)) TO '${whole}'`);
    await writeFile(join(workspace.path, 'parts/b.parquet'), await readFile(whole));
    await truncate(join(workspace.path, 'parts/b.parquet'), 200);
    await assert.rejects(runStep(workspace, { model: 'doubler', input: 'parts/*.parquet' }, {}, noLedger()), {
      code: 'DATA_INVALID',
    });
    const { out, bad } = await quarantine({ model: 'doubler', input: 'parts/*.parquet' });
    assert.deepEqual(
      out,
      [0, 2, 4, 6, 8].map((y) => ({ y })),
    );
    assert.equal(bad.length, 1);
    assert.match(String(bad[0]!['source']), /b\.parquet/);
  });

  it('a row group that is damaged costs its rows, and no others', async () => {
    const values = 'SELECT range AS id, (range % 100)::FLOAT AS x FROM range(6144)';
    await sql(`COPY (${values}) TO '${file()}' (ROW_GROUP_SIZE 2048, COMPRESSION zstd)`);
    const [group] = await sql(
      `SELECT * FROM parquet_metadata('${file()}') WHERE row_group_id = 1 AND path_in_schema = 'x'`,
    );
    const at = Number(group!['dictionary_page_offset'] ?? group!['data_page_offset']);
    const bytes = await readFile(file());
    bytes.fill(0xff, at, at + 40);
    await writeFile(file(), bytes);
    await assert.rejects(runStep(workspace, { model: 'doubler', input: 'data.parquet' }, {}, noLedger()), {
      code: 'DATA_INVALID',
    });
    const { rows, out, bad } = await quarantine({ model: 'doubler', input: 'data.parquet', passthrough: ['id'] });
    assert.deepEqual([rows.in, rows.bad], [6144, 2048]);
    assert.deepEqual([bad[0]!['row'], bad[0]!['rows']], [2049, 2048]);
    const good = Array.from({ length: 6144 }, (_, i) => i).filter((i) => i < 2048 || i >= 4096);
    assert.deepEqual(
      doubled(out),
      good.map((i) => [i, (i % 100) * 2]),
    );
  });
});

describe('a row that makes the model throw', () => {
  it('is found and costs no neighbour', async () => {
    const xs = Array.from({ length: 3000 }, (_, i) => (i === 1234 || i === 2999 ? -5 : i));
    await workspace.write('e.csv', `x\n${xs.join('\n')}\n`);
    const { out, named } = await quarantine({ model: 'fails-on-negative', input: 'e.csv', passthrough: ['x'] });
    assert.deepEqual(
      named,
      [1235, 3000].map((row) => [row, 'predict', 'MODEL_FAILED']),
    );
    assert.deepEqual(
      out,
      xs.filter((x) => x >= 0).map((x) => ({ x, y: 10 * ((x % 4) + 1) })),
    );
  });

  it('has nulls when that is asked for, and is counted', async () => {
    await workspace.write('f.csv', 'id,x\na,1\nb,-2\nc,word\nd,3\n');
    const options = { model: 'fails-on-negative', input: 'f.csv', passthrough: ['id'], output: 'nulls.ndjson' };
    const outcome = await runStep(workspace, { ...options, onBadRow: 'null' }, { runId: 'nulls' }, noLedger());
    assert.deepEqual(outcome.rows, { in: 4, out: 4, bad: 0, nulled: 2 });
    assert.deepEqual(await readNdjson(join(workspace.path, 'nulls.ndjson')), [
      { id: 'a', y: 20 },
      { id: 'b', y: null },
      { id: 'c', y: null },
      { id: 'd', y: 40 },
    ]);
  });

  it('fails the step otherwise, which names it', async () => {
    await workspace.write('g.csv', 'x\n1\n-2\n');
    const run = runStep(
      workspace,
      { model: 'fails-on-negative', input: 'g.csv', output: 'never.ndjson' },
      {},
      noLedger(),
    );
    await assert.rejects(run, { code: 'DATA_INVALID', message: /row 2 of "g\.csv"/ });
    await assert.rejects(readFile(join(workspace.path, 'never.ndjson')), { code: 'ENOENT' });
  });
});

describe('budgets', () => {
  it('end a run that has too many bad rows', async () => {
    await workspace.write(
      'h.csv',
      `x\n${Array.from({ length: 100 }, (_, i) => (i % 10 === 0 ? 'bad' : i)).join('\n')}\n`,
    );
    const options = { model: 'doubler', input: 'h.csv', onBadRow: 'quarantine', output: 'h.ndjson' } as const;
    const run = (more: object) =>
      runStep(workspace, { ...options, ...more }, { runId: JSON.stringify(more) }, noLedger());
    for (const budget of [{ maxBadRows: 9 }, { maxBadRowRate: 0.09 }]) {
      await assert.rejects(run(budget), { code: 'TOO_MANY_BAD_ROWS' });
    }
    assert.equal((await run({ maxBadRows: 10, maxBadRowRate: 0.1 })).rows.bad, 10);
  });
});
