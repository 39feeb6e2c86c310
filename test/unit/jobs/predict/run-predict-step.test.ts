/** A predict step from plan to output: what it writes, refuses, resumes and leaves alone. */
import assert from 'node:assert/strict';
import { readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { ServeryError } from '../../../../src/core/errors.ts';
import { createFileLedger } from '../../../../src/jobs/predict/file-ledger.ts';
import type { ChunkLedger } from '../../../../src/jobs/predict/ledger.ts';
import { batchWorkspace } from '../../../support/batch-models.ts';
import { readNdjson, runStep, sql, type StepInput } from '../../../support/predict-step.ts';

const HOUR_MS = 3_600_000;

describe('the output of a step', () => {
  it('has what is passed through, the outputs, and what is asked about the run', async () => {
    await using workspace = await batchWorkspace('quickstart/iris');
    await workspace.write('in.csv', 'id,sepal_length,sepal_width,petal_length,petal_width\n7,5.1,3.5,1.4,0.2\n');
    const metadata = { model: 'm', version: 'v', runId: 'r', predictedAt: 'at' };
    const passthrough = ['id', 'petal_width'];
    const options = { model: 'iris', input: 'in.csv', output: 'out.parquet', passthrough, labels: true, metadata };
    const { rows, model, outputs } = await runStep(workspace, options, { runId: 'my-run' });
    assert.deepEqual(rows, { in: 1, out: 1, bad: 0, nulled: 0 });
    assert.deepEqual(model, { name: 'iris', version: 1 });
    assert.deepEqual(outputs, [join(workspace.path, 'out.parquet')]);
    const [row] = await sql(`SELECT *, "at" > '2020-01-01'::TIMESTAMPTZ AS is_time FROM '${outputs[0]}'`);
    const { at: _at, ...rest } = row!;
    assert.deepEqual(Object.keys(rest), [
      'id',
      'petal_width',
      'label',
      'probabilities.setosa',
      'probabilities.versicolor',
      'probabilities.virginica',
      'm',
      'v',
      'r',
      'is_time',
    ]);
    const { id, label, m, v, r, is_time } = rest;
    assert.deepEqual([Number(id), label, m, v, r, is_time], [7, 'setosa', 'iris', 1, 'my-run', true]);
  });

  it('has only the rows of the interval, and a manifest', async () => {
    await using workspace = await batchWorkspace('doubler');
    const from = Date.UTC(2026, 10, 23, 10);
    await sql(
      `COPY (SELECT range AS id, range::FLOAT AS x, make_timestamp(${from * 1000} + range * 900000000) AS t FROM range(12))
       TO '${join(workspace.path, 'orders.parquet')}'`,
    );
    const input = { path: 'orders.parquet', timeColumn: 't', timeZone: 'UTC' };
    const interval = { startMs: from + HOUR_MS, endMs: from + 2 * HOUR_MS };
    const options = { model: 'doubler', input, output: { path: 'scores/' }, passthrough: ['id'] };
    const { rows, outputs } = await runStep(workspace, options, { interval });
    assert.equal(rows.in, 4);
    assert.match(outputs[0]!, /scores\/interval=20261123T110000Z\/part-00000\.parquet$/);
    const written = await sql(`SELECT id::INT AS id, y FROM '${outputs[0]}' ORDER BY id`);
    assert.deepEqual(
      written,
      [4, 5, 6, 7].map((id) => ({ id, y: id * 2 })),
    );
    const [manifest] = await readdir(join(workspace.path, '.scores.servery/manifests'));
    const text = await readFile(join(workspace.path, '.scores.servery/manifests', manifest!), 'utf8');
    const { facts } = JSON.parse(text) as { facts: { model: unknown; rows: unknown } };
    assert.deepEqual([facts.model, facts.rows], [{ name: 'doubler', version: 1 }, rows]);
  });

  it('is what a handler says that asks another model', async () => {
    await using workspace = await batchWorkspace('quickstart/iris', 'handlers/ensemble');
    const inches = [5.1, 3.5, 1.4, 0.2].map((cm) => cm / 2.54).join(',');
    await workspace.write('in.csv', `sepal_length,sepal_width,petal_length,petal_width\n${inches}\n`.repeat(1));
    await runStep(workspace, { model: 'ensemble', input: 'in.csv' });
    assert.deepEqual(await readNdjson(join(workspace.path, 'out.ndjson')), [{ species: 'setosa' }]);
  });
});

describe('no rows', () => {
  const empty = 'x\n';

  it('are a success with an empty output, whose columns are right', async () => {
    await using workspace = await batchWorkspace('quickstart/iris');
    await workspace.write('in.csv', 'sepal_length,sepal_width,petal_length,petal_width\n');
    const { state, rows, outputs } = await runStep(workspace, {
      model: 'iris',
      input: 'in.csv',
      output: 'out.parquet',
    });
    assert.deepEqual([state, rows.in, rows.out], ['succeeded', 0, 0]);
    const columns = await sql(`DESCRIBE SELECT * FROM '${outputs[0]}'`);
    assert.deepEqual(
      columns.map((c) => [c['column_name'], c['column_type']]),
      [
        ['label', 'BIGINT'],
        ['probabilities', 'FLOAT[]'],
      ],
    );
  });

  it('leave the output alone, or fail, where that is asked for', async () => {
    await using workspace = await batchWorkspace('doubler');
    await workspace.write('in.csv', empty);
    await workspace.write('out.ndjson', '{"before":true}\n');
    const skipped = await runStep(workspace, { model: 'doubler', input: 'in.csv', onEmpty: 'skip' }, { runId: 'a' });
    assert.deepEqual([skipped.state, skipped.outputs], ['skipped', []]);
    assert.equal(await readFile(join(workspace.path, 'out.ndjson'), 'utf8'), '{"before":true}\n');
    const ledger = createFileLedger(join(workspace.path, 'other.ndjson'));
    const failed = runStep(workspace, { model: 'doubler', input: 'in.csv', onEmpty: 'fail' }, { runId: 'b' }, ledger);
    await assert.rejects(failed, { code: 'DATA_NOT_FOUND' });
  });
});

describe('a step is refused before it reads a row', () => {
  const cases: [string, object, string, RegExp][] = [
    ['a column is missing', { input: { path: 'in.csv', columns: { x: 'nothing' } } }, 'DATA_INVALID', /"x"|nothing/],
    ['an unknown column is to be passed through', { passthrough: ['who'] }, 'DATA_INVALID', /pass through "who"/],
    ['two columns would have one name', { passthrough: ['Y'] }, 'OUTPUT_INVALID', /named "Y" and "y"/],
    ['a column of the run would hide an output', { metadata: { runId: 'y' } }, 'OUTPUT_INVALID', /"y" and "y"/],
    ['there is no such model', { model: 'nobody' }, 'MODEL_NOT_FOUND', /nobody/],
    ['there is no such file', { input: 'none.csv' }, 'DATA_NOT_FOUND', /./],
  ];
  for (const [why, options, code, message] of cases) {
    it(`when ${why}`, async () => {
      await using workspace = await batchWorkspace('doubler');
      await workspace.write('in.csv', 'x,Y\n1,2\n');
      await assert.rejects(runStep(workspace, { model: 'doubler', input: 'in.csv', ...options }), { code, message });
    });
  }
});

describe('a step that ended before its time', () => {
  /** Fails after so many chunks, as if the process had died there. */
  function dyingAfter(chunks: number, path: string): ChunkLedger {
    const ledger = createFileLedger(path);
    let left = chunks;
    return {
      ...ledger,
      async commitChunk(record) {
        if (left === 0) throw new Error('died');
        left -= 1;
        await ledger.commitChunk(record);
      },
    };
  }

  const options: StepInput = {
    model: 'versions@live',
    input: { path: 'in.csv', chunkRows: 10 },
    output: 'out.csv',
    passthrough: ['x'],
    onBadRow: 'quarantine',
  };

  async function prepared() {
    const workspace = await batchWorkspace('versions');
    const xs = Array.from({ length: 45 }, (_, i) => (i === 33 ? 'bad' : i));
    await workspace.write('in.csv', `x\n${xs.join('\n')}\n`);
    await workspace.write('models/versions/aliases.json', '{"aliases":{"live":{"version":2}}}');
    return workspace;
  }

  it('goes on with the chunks that are missing, and ends with the same bytes', async () => {
    await using whole = await prepared();
    await runStep(whole, options);
    const expected = await readFile(join(whole.path, 'out.csv'));

    await using workspace = await prepared();
    const ledger = join(workspace.path, 'ledger.ndjson');
    await assert.rejects(runStep(workspace, options, {}, dyingAfter(2, ledger)), /died/);
    const seen: number[] = [];
    const progress = ({ rows }: { rows: number }) => void seen.push(rows);
    const outcome = await runStep(workspace, options, { progress }, createFileLedger(ledger));
    assert.deepEqual(outcome.rows, { in: 45, out: 44, bad: 1, nulled: 0 });
    assert.ok(seen[0]! > 20, 'committed chunks were read again');
    assert.deepEqual(await readFile(join(workspace.path, 'out.csv')), expected);
    assert.equal(outcome.badRows.length, 1);
  });

  it('keeps its version when the alias moves, and never mixes two', async () => {
    await using workspace = await prepared();
    const ledger = join(workspace.path, 'ledger.ndjson');
    await assert.rejects(runStep(workspace, options, {}, dyingAfter(2, ledger)), /died/);
    await workspace.write('models/versions/aliases.json', '{"aliases":{"live":{"version":3}}}');
    const { model } = await runStep(workspace, options, {}, createFileLedger(ledger));
    assert.equal(model.version, 2);
    const lines = (await readFile(join(workspace.path, 'out.csv'), 'utf8')).trim().split('\n').slice(1);
    for (const line of lines) {
      const [x, y] = line.split(',').map(Number);
      assert.equal(y, 2 * x!);
    }
  });

  it('is refused when the files are no longer those that were planned, or the options others', async () => {
    await using workspace = await prepared();
    const ledger = join(workspace.path, 'ledger.ndjson');
    await assert.rejects(runStep(workspace, options, {}, dyingAfter(2, ledger)), /died/);
    const again = (more: object = {}) => runStep(workspace, { ...options, ...more }, {}, createFileLedger(ledger));
    await assert.rejects(again({ labels: true }), { code: 'CONFLICT' });
    await writeFile(join(workspace.path, 'in.csv'), 'x\n1\n');
    await assert.rejects(again(), { code: 'DATA_INVALID' });
  });

  it('takes a ledger whose last line was cut off', async () => {
    await using workspace = await prepared();
    const ledger = join(workspace.path, 'ledger.ndjson');
    await assert.rejects(runStep(workspace, options, {}, dyingAfter(3, ledger)), /died/);
    const text = await readFile(ledger, 'utf8');
    await writeFile(ledger, text.slice(0, -20));
    assert.equal((await createFileLedger(ledger).committedChunks()).length, 2);
    const { rows } = await runStep(workspace, options, {}, createFileLedger(ledger));
    assert.deepEqual([rows.in, rows.out], [45, 44]);
  });

  it('stops at its signal, with the reason that it is given', async () => {
    await using workspace = await prepared();
    const controller = new AbortController();
    const progress = () => controller.abort({ code: 'SHUTTING_DOWN', message: 'The worker stops' });
    const stopped = runStep(workspace, options, { signal: controller.signal, progress });
    await assert.rejects(stopped, { code: 'SHUTTING_DOWN', message: 'The worker stops' });
    assert.ok(!(await readdir(workspace.path)).includes('out.csv'));
    const aborted = runStep(workspace, options, { signal: AbortSignal.abort() });
    await assert.rejects(aborted, (error) => error instanceof ServeryError && error.code === 'CANCELLED');
  });
});

describe('a model that does not answer', () => {
  it('fails the step after the time of a batch', async () => {
    await using workspace = await batchWorkspace('slow-by-input');
    await workspace.write('in.csv', 'x,iterations\n1,1500\n');
    const run = runStep(workspace, { model: 'slow-by-input', input: 'in.csv', batchTimeout: '200ms' });
    await assert.rejects(run, { code: 'DEADLINE_EXCEEDED' });
  });
});
