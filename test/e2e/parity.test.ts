/** Online and batch give the same bits: for every model of the quickstart, and for models of every datatype. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { checkParity, type ParityOptions } from '../../src/app/parity.ts';
import { openWorkspace } from '../../src/app/workspace.ts';
import { inputOptions } from '../../src/dataset/options.ts';
import { batchWorkspace, type BatchWorkspace } from '../support/batch-models.ts';
import { servery } from '../support/command.ts';
import { sql } from '../support/predict-step.ts';
import { startServer } from '../support/workspace-server.ts';

const QUICKSTART = new URL('../../examples/quickstart/', import.meta.url).pathname;

async function parity(folder: string, model: string, file: string, server?: ParityOptions['server']) {
  const workspace = await openWorkspace(folder, {}, {});
  return checkParity(workspace, { name: model }, { input: inputOptions.parse({ path: file }), maxRows: 200, server });
}

describe('the models of the quickstart', () => {
  for (const model of ['iris', 'digits', 'breast-cancer']) {
    it(`${model}: its held-out rows`, async () => {
      const report = await parity(QUICKSTART, model, join(QUICKSTART, `data/${model}.held-out.csv`));
      assert.deepEqual(report.examples, []);
      assert.ok(report.rows >= 50);
      assert.equal(report.answers, 3 * report.rows);
    });
  }

  it('churn-rules, a handler', async () => {
    await using workspace = await batchWorkspace('quickstart/churn-rules');
    const rows = [
      '{"tenure_months":1,"monthly_charges":90.5,"contract":"monthly","support_calls":4}',
      '{"tenure_months":40,"monthly_charges":20,"contract":"yearly","support_calls":0}',
    ];
    const file = await workspace.write('rows.ndjson', Array.from({ length: 50 }, (_, i) => rows[i % 2]).join('\n'));
    const report = await parity(workspace.path, 'churn-rules', file);
    assert.deepEqual([report.differences, report.rows], [0, 50]);
  });
});

describe('models of every datatype', () => {
  /** Values that a column of the type can have, as SQL; bad ones for the model among them. */
  const values: Readonly<Record<string, readonly [type: string, items: readonly string[]]>> = {
    bool: ['BOOLEAN', ['true', 'false', 'NULL']],
    uint8: ['UTINYINT', ['0', '255', '7']],
    uint16: ['INTEGER', ['0', '65535', '65536', '-1']],
    uint32: ['BIGINT', ['0', '4294967295', '4294967296']],
    uint64: ['UBIGINT', ['0', '18446744073709551615', '9007199254740993']],
    int8: ['SMALLINT', ['-128', '127', '128']],
    int16: ['SMALLINT', ['-32768', '32767', '0']],
    int32: ['DOUBLE', ['-2147483648', '2147483647', '0.5', "'nan'"]],
    int64: ['BIGINT', ['-9223372036854775808', '9223372036854775807', '9007199254740993', 'NULL']],
    fp16: ['DOUBLE', ['0.1', '65504', '65520', '-0.0', '0.00000006']],
    fp32: ['DOUBLE', ['0.1', '-0.0', '3.4e38', '3.5e38', "'nan'", "'inf'", '1e-45', 'NULL']],
    fp64: ['DOUBLE', ['0.1', '-0.0', '1.7976931348623157e308', '5e-324', "'nan'"]],
    bytes: ['VARCHAR', ["'text'", "''", "'é\\n\"'", 'NULL']],
  };

  for (const [datatype, [type, items]] of Object.entries(values)) {
    it(datatype, async () => {
      const name = `identity-${datatype}`;
      await using workspace = await batchWorkspace(name);
      await workspace.write(`models/${name}/model.yaml`, 'inputs: { x: { features: [a, b] } }\n');
      const rows = items.flatMap((a) => items.map((b) => `((${a})::${type}, (${b})::${type})`));
      await assertSame(workspace, name, `SELECT * FROM (VALUES ${rows.join(', ')}) t(a, b)`);
      const lists = items.flatMap((a) => items.map((b) => `([(${a})::${type}, (${b})::${type}])`));
      await assertSame(workspace, name, `SELECT * FROM (VALUES ${lists.join(', ')}, (NULL)) t(x)`);
    });
  }

  async function assertSame(workspace: BatchWorkspace, model: string, query: string): Promise<void> {
    const file = join(workspace.path, 'rows.parquet');
    await sql(`COPY (${query}) TO '${file}'`);
    const report = await parity(workspace.path, model, file);
    assert.deepEqual(report.examples, []);
    assert.ok(report.rows > 3);
  }
});

describe('models with ways of their own', () => {
  const cases: [string, string][] = [
    ['alone-differs', 'SELECT range / 7 AS x FROM range(100)'],
    ['fails-on-negative', 'SELECT CASE WHEN range % 9 = 5 THEN -1 ELSE range END AS x FROM range(60)'],
    ['dynamic-inner', 'SELECT range(1, 2 + range % 3)::FLOAT[] AS x FROM range(40)'],
    ['fixed-vector', 'SELECT [range, 1, 2, 3]::FLOAT[] AS x FROM range(10)'],
    ['batch-coupled', 'SELECT [range, 1]::FLOAT[] AS x FROM range(10)'],
    ['string-labels', 'SELECT [range / 10, 3, 1.4, 0.2]::FLOAT[] AS X FROM range(60)'],
    ['nan-inf', 'SELECT (range - 3)::FLOAT AS x FROM range(7)'],
  ];
  for (const [model, query] of cases) {
    it(model, async () => {
      await using workspace = await batchWorkspace(model);
      const file = join(workspace.path, 'rows.parquet');
      await sql(`COPY (${query}) TO '${file}'`);
      const report = await parity(workspace.path, model, file);
      assert.deepEqual(report.examples, []);
    });
  }

  it('says where the ways differ', async () => {
    await using workspace = await batchWorkspace('never-settles');
    const file = join(workspace.path, 'rows.parquet');
    await sql(`COPY (SELECT 0.1 + range AS x FROM range(20)) TO '${file}'`);
    const report = await parity(workspace.path, 'never-settles', file);
    assert.ok(report.differences > 0);
    assert.equal(report.examples[0]!.what, 'output y');
    assert.ok(report.notes.some((note) => /do not settle/.test(note)));
  });
});

describe('a running server', () => {
  const models: [string, string][] = [
    ['quickstart/iris', ''],
    ['identity-int64', 'SELECT 9007199254740000 + range * 7 AS x FROM range(40)'],
    ['identity-fp32', "SELECT unnest([0.1, -0.0, 3.4e38, 'nan', 'inf', 1e-45]::DOUBLE[]) AS x"],
    ['identity-bytes', "SELECT unnest(['text', '', 'é', '\"']) AS x"],
    ['fails-on-negative', 'SELECT CASE WHEN range % 9 = 5 THEN -1 ELSE range END AS x FROM range(60)'],
    ['string-labels', 'SELECT [range / 10, 3, 1.4, 0.2]::FLOAT[] AS X FROM range(60)'],
    ['nan-inf', 'SELECT (range - 3)::FLOAT AS x FROM range(7)'],
  ];

  it('gives the bits of the batch way, refuses what it refuses, and needs its key', async () => {
    await using workspace = await batchWorkspace(...models.map(([model]) => model), 'quickstart/digits');
    const key = 'a-key-of-twenty-characters-or-more';
    const hash = `sha256:${createHash('sha256').update(key).digest('hex')}`;
    const auth = { keys: [{ name: 'parity', hash, scopes: ['predict'] }] };
    await workspace.write('servery.config.json', JSON.stringify({ auth }));
    await using server = await startServer(workspace.path);
    for (const [model, query] of models) {
      const name = model.replace('quickstart/', '');
      const file = query === '' ? join(QUICKSTART, `data/${name}.held-out.csv`) : join(workspace.path, 'rows.parquet');
      if (query !== '') await sql(`COPY (${query}) TO '${file}'`);
      const report = await parity(workspace.path, name, file, { url: server.http, key });
      assert.deepEqual(report.examples, [], name);
      assert.ok(report.rows > 3 && report.answers >= 2 * report.rows - report.refused, name);
    }
    const file = join(QUICKSTART, 'data/iris.held-out.csv');
    const code = (error: unknown) => (error as { code: string }).code;
    const ask = (url: string, given?: string) =>
      parity(workspace.path, 'iris', file, { url, key: given }).then(() => 'none', code);
    assert.equal(await ask(server.http), 'UNAUTHENTICATED');
    assert.equal(await ask('nonsense', key), 'USAGE');
    assert.equal(await ask('http://127.0.0.1:9', key), 'SERVER_NOT_RUNNING');
    const said = await servery(['parity', 'iris', file, '--url', server.http, '--key', key, '--json'], {
      cwd: workspace.path,
    });
    assert.equal(said.code, 0, said.stderr);
    const { parity: report } = JSON.parse(said.stdout) as { parity: { rows: number; differences: number } };
    assert.deepEqual([report.rows, report.differences], [50, 0]);
  });

  it('that serves another artifact under the same version differs', async () => {
    await using here = await batchWorkspace('doubler');
    await using there = await batchWorkspace('doubler');
    await cp(fixture('identity-fp32'), join(there.path, 'models/doubler/1/model.onnx'));
    const file = join(here.path, 'rows.parquet');
    await sql(`COPY (SELECT 1.0 + range AS x FROM range(20)) TO '${file}'`);
    await using server = await startServer(there.path);
    const report = await parity(here.path, 'doubler', file, { url: server.http, key: undefined });
    assert.ok(report.differences > 0);
    assert.equal(report.examples[0]!.way, 'alone');
  });
});

function fixture(name: string): string {
  return new URL(`../fixtures/models/${name}/1/model.onnx`, import.meta.url).pathname;
}
