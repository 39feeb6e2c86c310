/** Options of the Vertex AI door: endpoints that are more than the model of their name. */
import * as z from 'zod';

const deployedModel = z.strictObject({
  id: z.string().regex(/^[0-9]{1,10}$/, 'expected 1 to 10 digits'),
  model: z.string().min(1).describe('NAME, NAME@ALIAS or NAME/VERSION.'),
  traffic: z.int().min(0).max(100).default(100).describe('Percent of the requests.'),
});

const endpoint = z.strictObject({
  id: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$/, 'expected letters, digits, dashes and underscores, at most 63'),
  deployedModels: z
    .array(deployedModel)
    .min(1)
    .refine(
      (models) => models.reduce((sum, { traffic }) => sum + traffic, 0) === 100,
      'expected traffic that sums to 100',
    ),
});

/** Of literal segments: it stands in the table of routes. */
const route = z
  .string()
  .max(1024)
  .regex(/^(\/[A-Za-z0-9_~.@-][A-Za-z0-9_~.:@-]*)+$/, 'expected a path of letters, digits, _ ~ . : @ and -');

/** Beside `enabled` and `http`, which every protocol has. */
export const vertexOptions = {
  endpoints: z
    .array(endpoint)
    .default([])
    .describe('Endpoints whose requests are split between models. Any other endpoint is the model of its name.'),
  healthRoute: route
    .optional()
    .describe('Answers GET there with 200 when ready, as a model container. AIP_HEALTH_ROUTE sets it.'),
  predictRoute: route
    .optional()
    .describe('Answers POST there with predictions, as a model container. AIP_PREDICT_ROUTE sets it.'),
  model: z
    .string()
    .min(1)
    .optional()
    .describe('The model of `predictRoute`: NAME, NAME@ALIAS or NAME/VERSION. The only one by default.'),
};

export type VertexOptions = z.output<z.ZodObject<typeof vertexOptions>>;
