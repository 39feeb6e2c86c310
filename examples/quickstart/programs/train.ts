/**
 * Trains a model in TypeScript: the centre of each kind of flower, and the nearest one is the answer.
 *
 * What it leaves is a handler with the centres in it, and how often it was right on rows that it had not seen.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const FEATURES = ['sepal_length', 'sepal_width', 'petal_length', 'petal_width'];

interface Flower {
  readonly measures: readonly number[];
  readonly label: string;
}

export async function trainFlowers({ artifactFolder }: { readonly artifactFolder: string }): Promise<unknown> {
  const flowers = await readFlowers();
  // Every third flower is kept for the test.
  const seen = flowers.filter((_, i) => i % 3 !== 0);
  const unseen = flowers.filter((_, i) => i % 3 === 0);
  const centres = Object.fromEntries(
    Object.entries(Object.groupBy(seen, ({ label }) => label)).map(([label, group]) => [label, centreOf(group!)]),
  );
  const right = unseen.filter(({ measures, label }) => nearest(centres, measures) === label).length;
  const metrics = { accuracy: right / unseen.length, flowers: seen.length };
  console.log(`learned from ${seen.length} flowers, ${right} of ${unseen.length} others right`);
  await writeFile(join(artifactFolder, 'handler.ts'), handlerOf(centres));
  await writeFile(join(artifactFolder, 'metrics.json'), JSON.stringify(metrics));
  return metrics;
}

async function readFlowers(): Promise<readonly Flower[]> {
  const [, ...lines] = (await readFile('data/iris.held-out.csv', 'utf8')).trim().split('\n');
  return lines.map((line) => {
    const cells = line.split(',');
    return { measures: cells.slice(0, FEATURES.length).map(Number), label: cells[FEATURES.length]! };
  });
}

function centreOf(group: readonly Flower[]): readonly number[] {
  return FEATURES.map((_, i) => group.reduce((sum, { measures }) => sum + measures[i]!, 0) / group.length);
}

function nearest(centres: Readonly<Record<string, readonly number[]>>, measures: readonly number[]): string {
  const distance = (centre: readonly number[]) =>
    centre.reduce((sum, value, i) => sum + (value - measures[i]!) ** 2, 0);
  return Object.keys(centres).reduce((best, label) =>
    distance(centres[label]!) < distance(centres[best]!) ? label : best,
  );
}

function handlerOf(centres: Readonly<Record<string, readonly number[]>>): string {
  return `import { defineHandler } from 'servery';

// Written by programs/train.ts.
const FEATURES = ${JSON.stringify(FEATURES)} as const;
const CENTRES: Readonly<Record<string, readonly number[]>> = ${JSON.stringify(centres)};

export default defineHandler({
  signature: {
    inputs: { sepal_length: 'FP64', sepal_width: 'FP64', petal_length: 'FP64', petal_width: 'FP64' },
    outputs: { label: 'BYTES' },
  },
  predict: (rows) =>
    rows.map((row) => {
      const distance = (centre: readonly number[]) =>
        FEATURES.reduce((sum, name, i) => sum + (row[name] - centre[i]!) ** 2, 0);
      const labels = Object.keys(CENTRES).sort((a, b) => distance(CENTRES[a]!) - distance(CENTRES[b]!));
      return { label: labels[0]! };
    }),
});
`;
}
