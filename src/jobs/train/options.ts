/** Options of a train step: their only definition. */
import * as z from 'zod';
import { isModelName } from '../../core/model.ts';

const modelName = z.string().refine(isModelName, 'a name has letters, digits, _, - and . only');

const heldOut = z.strictObject({
  input: z.string().min(1).describe('A file of rows that was kept from the training; the features by name.'),
  target: z.string().min(1).optional().describe('Its column with the right answers.'),
  output: z.string().min(1).optional().describe('The output that is compared; by default the first one.'),
  maxChangedRate: z
    .number()
    .min(0)
    .max(1)
    .optional()
    .describe('At most this share of the rows may be answered otherwise than by the version before.'),
  tolerance: z.number().min(0).default(0).describe('Numbers that differ by no more are the same answer.'),
  minimumAccuracy: z
    .number()
    .min(0)
    .max(1)
    .optional()
    .describe('At least this share of the answers must be right; needs `target`.'),
  notWorseBy: z
    .number()
    .min(0)
    .optional()
    .describe('The share of right answers may fall by this much below that of the version before; needs `target`.'),
});

export const gateOptions = z
  .strictObject({
    metric: z.string().min(1).optional().describe('A number in the metrics.json that the training leaves.'),
    higherIsBetter: z.boolean().default(true).describe('False for losses and errors.'),
    minimum: z.number().optional().describe('The metric must be at least this (at most, if lower is better).'),
    notWorseBy: z.number().min(0).optional().describe('It may be worse than that of the version before by this much.'),
    heldOut: heldOut.optional().describe('Compares predictions on a file.'),
    allowOtherSignature: z
      .boolean()
      .default(false)
      .describe('Allows inputs or outputs that differ from those of the version before.'),
  })
  .superRefine((options, context) => {
    const needsMetric = options.minimum !== undefined || options.notWorseBy !== undefined;
    if (needsMetric && options.metric === undefined) {
      context.addIssue({ code: 'custom', path: ['metric'], message: 'minimum and notWorseBy need it' });
    }
    const rows = options.heldOut;
    if (rows !== undefined && rows.target === undefined) {
      for (const key of ['minimumAccuracy', 'notWorseBy'] as const) {
        if (rows[key] === undefined) continue;
        context.addIssue({ code: 'custom', path: ['heldOut', key], message: 'needs `target`, the right answers' });
      }
    }
  });

export const trainOptions = z
  .strictObject({
    command: z
      .union([z.array(z.string()).min(1), z.string().min(1)])
      .optional()
      .describe('A program that leaves model.onnx (or a handler) and metrics.json in SERVERY_ARTIFACT_DIR.'),
    function: z
      .string()
      .regex(/^[^#]+\.[mc]?[jt]s(#[A-Za-z_$][\w$]*)?$/, 'expected a module and its export, such as train.ts#trainChurn')
      .optional()
      .describe('Instead of a command: a function of the workspace, MODULE#EXPORT; runs in a process of its own.'),
    publish: z.strictObject({
      model: modelName.describe('The model that gets a new version.'),
      alias: modelName.optional().describe('The alias that then means the new version.'),
    }),
    gate: gateOptions
      .optional()
      .describe('What a new version must be worth; without one every loadable one is published.'),
  })
  .superRefine((train, context) => {
    if ((train.command === undefined) === (train.function === undefined)) {
      context.addIssue({ code: 'custom', path: [], message: 'expected one of command, function' });
    }
  });

export type TrainOptions = z.output<typeof trainOptions>;
export type GateOptions = z.output<typeof gateOptions>;
