/** Options of a predict step: their only definition. Those of its input and output are the dataset's. */
import * as z from 'zod';
import { duration } from '../../core/duration.ts';
import { inputOptions, outputOptions } from '../../dataset/options.ts';

const columnName = z.string().min(1);

export const predictOptions = z.strictObject({
  model: z.string().min(1).describe('The model: NAME, NAME@ALIAS or NAME/VERSION.'),
  input: inputOptions,
  output: outputOptions,
  passthrough: z
    .union([z.literal('all'), z.array(columnName)])
    .default([])
    .describe('Input columns to write before the outputs, in this order; `all` for every column.'),
  labels: z
    .boolean()
    .default(false)
    .describe('Classes by their names: `label` is "setosa", and `probabilities.setosa` a column of its own.'),
  onBadRow: z
    .enum(['fail', 'quarantine', 'null'])
    .default('fail')
    .describe('A row that cannot be read or predicted: fails the run, goes to a file of its own, or has null outputs.'),
  maxBadRows: z.int().min(0).optional().describe('More bad rows than this fail the run.'),
  maxBadRowRate: z
    .number()
    .min(0)
    .max(1)
    .optional()
    .describe('A larger share of bad rows fails the run; looked at from `minRowsForRate` rows on, and at the end.'),
  minRowsForRate: z.int().min(1).default(1000).describe('Rows from which on `maxBadRowRate` is looked at.'),
  metadata: z
    .strictObject({
      model: columnName.optional().describe('Column for the name of the model.'),
      version: columnName.optional().describe('Column for its version.'),
      runId: columnName.optional().describe('Column for the id of the run.'),
      predictedAt: columnName.optional().describe('Column for the instant at which the run was planned.'),
    })
    .default({})
    .describe('Columns to add, by the names that they get: model, version, runId, predictedAt.'),
  onEmpty: z
    .enum(['succeed', 'skip', 'fail'])
    .default('succeed')
    .describe('No rows: succeed with an empty output, leave the output as it is, or fail.'),
  batchTimeout: duration.prefault('10m').describe('A batch that takes longer fails the step.'),
});

export type PredictOptions = z.output<typeof predictOptions>;
export type PredictOptionsInput = z.input<typeof predictOptions>;
