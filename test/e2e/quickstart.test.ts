/** Real rows through every door, held against what the training library itself answered. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, describe, it } from 'node:test';
import { createClient } from '../../src/client/index.ts';
import type { Tensor } from '../../src/core/tensor.ts';
import { createServery } from '../../src/index.ts';
import { startServer, workspaceWith, type RunningServer } from '../support/workspace-server.ts';

const ROOT = new URL('../../', import.meta.url).pathname;
const MODELS = [
  { name: 'iris', input: 'X', labels: ['setosa', 'versicolor', 'virginica'] },
  { name: 'digits', input: 'pixels', labels: Array.from({ length: 10 }, (_, digit) => String(digit)) },
  { name: 'breast-cancer', input: 'X', labels: ['malignant', 'benign'] },
];

interface HeldOut {
  readonly features: readonly string[];
  readonly rows: readonly (readonly number[])[];
  readonly labels: readonly number[];
  readonly probabilities: readonly (readonly number[])[];
}
interface Answer {
  readonly label: number;
  readonly probabilities: readonly number[];
}

describe('the quickstart', () => {
  let workspace: Awaited<ReturnType<typeof workspaceWith>>;
  let server: RunningServer;

  before(async () => {
    const paths = MODELS.map(({ name }) => [name, `examples/quickstart/models/${name}`]);
    workspace = await workspaceWith(
      Object.fromEntries([...paths, ['churn-rules', 'examples/quickstart/models/churn-rules']]),
    );
    server = await startServer(workspace.path);
  });
  after(async () => {
    await server[Symbol.asyncDispose]();
    await workspace[Symbol.asyncDispose]();
  });

  for (const model of MODELS) {
    it(`answers ${model.name} as scikit-learn does, at every door, bit for bit the same`, async () => {
      const heldOut = await readHeldOut(model);
      const client = createClient({ url: server.http });
      const objects = heldOut.rows.map((row) =>
        Object.fromEntries(row.map((value, i) => [heldOut.features[i]!, value])),
      );

      const together = (await client.predict(model.name, objects)).rows as readonly unknown[] as readonly Answer[];
      check(together, heldOut);

      const alone = await Promise.all(objects.map(async (row) => (await client.predict(model.name, [row])).rows[0]));
      assert.deepEqual(alone, together, 'one by one, in crowds');

      const columns = heldOut.features.length;
      const data = Float32Array.from(heldOut.rows.flat());
      const shape = [heldOut.rows.length, columns];
      const { outputs } = await client.infer(model.name, { [model.input]: { datatype: 'FP32', shape, data } });
      assert.deepEqual(fromTensors(outputs), together, 'tensors in binary');

      const json = JSON.stringify({
        inputs: [{ name: model.input, datatype: 'FP32', shape, data: heldOut.rows }],
      });
      const response = await fetch(`${server.http}/v2/models/${model.name}/infer`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: json,
      });
      const answer = (await response.json()) as { outputs: { name: string; data: number[] }[] };
      const [labels, probabilities] = answer.outputs.map((output) => output.data);
      assert.deepEqual(zip(labels!, probabilities!), together, 'tensors as nested JSON');

      await using servery = await createServery({ workspace: workspace.path });
      assert.deepEqual(await servery.predict(model.name, objects), together, 'embedded');
    });
  }

  it('answers the handler', async () => {
    const row = { contract: 'monthly', tenure_months: 3, monthly_charges: 90, support_calls: 4 };
    const { rows } = await createClient({ url: server.http }).predict('churn-rules', [row]);
    assert.equal(rows[0]?.['label'], 'high');
  });
});

function check(answers: readonly Answer[], { labels, probabilities }: HeldOut): void {
  assert.deepEqual(
    answers.map(({ label }) => label),
    labels,
  );
  for (const [i, { probabilities: ours }] of answers.entries()) {
    for (const [k, value] of ours.entries()) assert.ok(Math.abs(value - probabilities[i]![k]!) <= 1e-5, `row ${i}`);
  }
}

function fromTensors(outputs: Readonly<Record<string, Tensor>>): Answer[] {
  const labels = Array.from(outputs['label']!.data as BigInt64Array, Number);
  return zip(labels, Array.from(outputs['probabilities']!.data as Float32Array));
}

function zip(labels: readonly number[], probabilities: readonly number[]): Answer[] {
  const classes = probabilities.length / labels.length;
  return labels.map((label, i) => ({ label, probabilities: probabilities.slice(i * classes, (i + 1) * classes) }));
}

async function readHeldOut({ name, labels }: (typeof MODELS)[number]): Promise<HeldOut> {
  const text = await readFile(`${ROOT}examples/quickstart/data/${name}.held-out.csv`, 'utf8');
  const [head = '', ...lines] = text.trim().split('\n');
  const names = head.trim().split(',');
  const count = names.indexOf('expected_label');
  const cells = lines.map((line) => line.trim().split(','));
  return {
    features: names.slice(0, count),
    rows: cells.map((row) => row.slice(0, count).map(Number)),
    labels: cells.map((row) => labels.indexOf(row[count]!)),
    probabilities: cells.map((row) => row.slice(count + 1).map(Number)),
  };
}
