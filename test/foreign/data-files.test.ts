/** Data files that pyarrow, pandas and fastparquet write are read with their values, and they read ours with theirs. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import { createFileLedger } from '../../src/jobs/predict/file-ledger.ts';
import { batchWorkspace, type BatchWorkspace } from '../support/batch-models.ts';
import { readNdjson, runStep } from '../support/predict-step.ts';

const SCRIPT = new URL('data_files.py', import.meta.url).pathname;
const PARQUET = ['plain', 'snappy', 'gzip', 'brotli', 'zstd', 'lz4', 'spark', 'checksums', 'pandas', 'fastparquet'];
const TEXTS = ['pandas.csv', 'pandas.csv.gz', 'pandas.csv.zst', 'pandas.ndjson', 'arrow.csv'];
const ROWS = 40;

/** For each datatype of a model, the columns whose values it takes. */
const TYPED: Readonly<Record<string, readonly string[]>> = {
  int8: ['int8'],
  int16: ['int16', 'int8', 'uint8'],
  int32: ['int32', 'int16', 'uint16'],
  int64: ['int64', 'int32', 'uint32', 'some_int64'],
  uint8: ['uint8', 'some_uint8'],
  uint16: ['uint16', 'uint8'],
  uint32: ['uint32', 'uint16'],
  uint64: ['uint64', 'uint32'],
  fp16: ['float16'],
  fp32: ['float32', 'float16', 'some_float32'],
  fp64: ['float64', 'float32', 'float16'],
  bool: ['bool', 'some_bool'],
  bytes: ['text', 'large_text', 'dictionary', 'ordered', 'some_text'],
};

describe('data files of others', { timeout: 240_000 }, () => {
  let workspace: BatchWorkspace;
  before(async () => {
    workspace = await batchWorkspace('doubler', ...Object.keys(TYPED).map((type) => `identity-${type}`));
    for (const folder of ['out', 'typed']) await mkdir(join(workspace.path, folder));
    assert.equal(await python('write', workspace.path), 'ok');
  });
  after(() => workspace[Symbol.asyncDispose]());

  it('come back with their values, in whatever form', async () => {
    const everything = { model: 'doubler', passthrough: 'all' as const };
    for (const name of PARQUET) {
      const { rows } = await step({ ...everything, input: `${name}.parquet`, output: `out/${name}.parquet` });
      assert.deepEqual(rows, { in: ROWS, out: ROWS, bad: 0, nulled: 0 }, name);
    }
    for (const name of TEXTS) {
      for (const format of ['parquet', 'csv', 'ndjson']) {
        await step({ ...everything, input: name, output: `out/${name}.${format}` });
      }
    }
    await step({ ...everything, input: 'parts/**/*.parquet', output: 'out/parts.parquet' });
    for (const [type, columns] of Object.entries(TYPED)) {
      await workspace.write(`models/identity-${type}/model.yaml`, 'inputs: { x: { features: [a, b] } }\n');
      for (const column of columns) {
        const input = { path: 'twice.parquet', columns: { a: column, b: `${column}_again` } };
        const output = `typed/${type}-${column}.parquet`;
        await step({ model: `identity-${type}`, input, output, onBadRow: 'null' });
      }
    }
    assert.equal(await python('check', workspace.path, JSON.stringify(TYPED)), 'ok');
  });

  it('refuse what does not fit, by row or at once', async () => {
    const wide = { path: 'twice.parquet', columns: { a: 'uint16', b: 'uint16_again' } };
    const narrow = await step({
      model: 'identity-uint8',
      input: wide,
      output: 'narrow.ndjson',
      onBadRow: 'quarantine',
    });
    assert.ok(narrow.rows.bad > 0 && narrow.rows.in === narrow.rows.out + narrow.rows.bad);
    for (const column of ['d', 'list']) {
      const wide = step({ model: 'doubler', input: 'wide.parquet', passthrough: [column] });
      await assert.rejects(wide, { code: 'DATA_INVALID', message: /"(d|list)".*DECIMAL\(50,2\)/ });
    }
    await step({ model: 'doubler', input: 'wide.parquet' });
    const texts = { path: 'twice.parquet', columns: { a: 'text', b: 'text_again' } };
    await assert.rejects(step({ model: 'identity-int64', input: texts }), { code: /DATA_INVALID|INVALID_INPUT/ });
  });

  it('have their rows of an interval, whatever the unit and the zone of the time', async () => {
    // Six hours of the day on which the rows lie 36 minutes apart: rows 10 to 19.
    const interval = { startMs: Date.UTC(2026, 10, 1, 6), endMs: Date.UTC(2026, 10, 1, 12) };
    const columns = ['naive', 'utc', 'seoul'].flatMap((zone) =>
      ['s', 'ms', 'us', 'ns'].map((unit) => `${zone}_${unit}`),
    );
    for (const file of ['plain.parquet', 'spark.parquet']) {
      for (const timeColumn of columns) {
        await step({ model: 'doubler', input: { path: file, timeColumn }, passthrough: ['id'] }, { interval });
        const ids = (await readNdjson(join(workspace.path, 'out.ndjson'))).map(({ id }) => id);
        assert.deepEqual(ids, [10, 11, 12, 13, 14, 15, 16, 17, 18, 19], `${file} ${timeColumn}`);
      }
    }
    for (const file of ['pandas.parquet', 'fastparquet.parquet', ...TEXTS]) {
      await step({ model: 'doubler', input: { path: file, timeColumn: 'at' }, passthrough: ['id'] }, { interval });
      const ids = (await readNdjson(join(workspace.path, 'out.ndjson'))).map(({ id }) => Number(id));
      assert.deepEqual(ids, [10, 11, 12, 13, 14, 15, 16, 17, 18, 19], file);
    }
  });

  /** Each with a run of its own. */
  let runs = 0;
  function step(...[options, context]: [Parameters<typeof runStep>[1], Parameters<typeof runStep>[2]?]) {
    runs += 1;
    const ledger = createFileLedger(join(workspace.path, `ledger-${runs}.ndjson`));
    return runStep(workspace, options, { runId: `run-${runs}`, ...context }, ledger);
  }
});

async function python(mode: string, folder: string, stdin = ''): Promise<string> {
  const path = process.env['SERVERY_TEST_PYTHON'];
  assert.ok(path, 'SERVERY_TEST_PYTHON names the Python that has test/foreign/requirements.txt');
  const child = spawn(path, [SCRIPT, mode, folder], { env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1' } });
  child.stdin.end(stdin);
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  return child.exitCode === 0 ? stdout.trim() : stderr;
}
