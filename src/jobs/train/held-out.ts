/** Lets two versions answer the rows of a held-out file, by the batch path itself, and counts where they differ. */
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { BatchModels } from '../predict/batch-models.ts';
import { createMemoryLedger } from '../memory-ledger.ts';
import { predictOptions } from '../predict/options.ts';
import type { RunPredictStep } from '../predict/run-predict-step.ts';
import type { CandidateOrder } from './candidate.ts';
import type { HeldOutFigures } from './gate.ts';
import type { GateOptions } from './options.ts';

type Rules = NonNullable<GateOptions['heldOut']>;

interface Sides {
  readonly candidates: BatchModels;
  readonly models: BatchModels;
  readonly hasBefore: boolean;
  readonly runPredictStep: RunPredictStep;
}

export async function compareHeldOut(order: CandidateOrder, rules: Rules, sides: Sides): Promise<HeldOutFigures> {
  const { model, before, scratchFolder } = order;
  const now = await answers(join(scratchFolder, 'now.ndjson'), `${model}/1`, order, rules, sides.candidates, sides);
  const then =
    before !== undefined && sides.hasBefore
      ? await answers(
          join(scratchFolder, 'before.ndjson'),
          `${model}/${before.version}`,
          order,
          rules,
          sides.models,
          sides,
        )
      : undefined;
  const isRight = (row: Answer) => same(row.answer, row.target, rules.tolerance);
  const hasTarget = rules.target !== undefined;
  return {
    rows: now.length,
    changed: then && now.filter((row, i) => !same(row.answer, then[i]?.answer, rules.tolerance)).length,
    right: hasTarget ? now.filter(isRight).length : undefined,
    rightBefore: hasTarget ? then?.filter(isRight).length : undefined,
  };
}

interface Answer {
  readonly answer: unknown;
  readonly target: unknown;
}

async function answers(
  file: string,
  model: string,
  { workspace, timezone }: CandidateOrder,
  { input, target, output }: Rules,
  models: BatchModels,
  { runPredictStep }: Sides,
): Promise<readonly Answer[]> {
  const options = predictOptions.parse({
    model,
    input: { path: input },
    output: { path: file, format: 'ndjson' },
    passthrough: target === undefined ? [] : [target],
  });
  const context = {
    runId: 'held-out',
    interval: undefined,
    timezone,
    workspace,
    signal: new AbortController().signal,
    progress: () => undefined,
  };
  await runPredictStep(options, context, createMemoryLedger(), models);
  const rows: Answer[] = [];
  for await (const line of createInterface(createReadStream(file))) {
    if (line === '') continue;
    const row = JSON.parse(line) as Record<string, unknown>;
    const name = output ?? Object.keys(row).find((key) => key !== target) ?? '';
    rows.push({ answer: row[name], target: target === undefined ? undefined : row[target] });
  }
  return rows;
}

/** A class may be 7 on one side and "7" on the other: files of text know no types. */
function same(a: unknown, b: unknown, tolerance: number): boolean {
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((value, i) => same(value, b[i], tolerance));
  }
  const isNumber = (value: unknown) => typeof value === 'number' || (typeof value === 'string' && value !== '');
  const difference = isNumber(a) && isNumber(b) ? Math.abs(Number(a) - Number(b)) : NaN;
  return Number.isNaN(difference) ? String(a) === String(b) : difference <= tolerance;
}
