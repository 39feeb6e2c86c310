/** Options of the SageMaker door: endpoints and their variants, signatures, and the contract of a container. */
import * as z from 'zod';

const MOST_VARIANTS = 10;

const variant = z.strictObject({
  name: z.string().regex(/^[A-Za-z0-9](-*[A-Za-z0-9]){0,62}$/, 'expected letters, digits and dashes, at most 63'),
  model: z.string().min(1).describe('NAME, NAME@ALIAS or NAME/VERSION.'),
  weight: z.number().min(0).default(1).describe('Its share of the requests is this, by the sum over all variants.'),
});

const endpoint = z.strictObject({
  name: z.string().regex(/^[A-Za-z0-9](-*[A-Za-z0-9]){0,62}$/, 'expected letters, digits and dashes, at most 63'),
  variants: z
    .array(variant)
    .max(MOST_VARIANTS)
    .default([])
    .describe('Models that share the requests by weight, and that TargetVariant names.'),
  multiModel: z.boolean().default(false).describe('Requests name their model with TargetModel.'),
});

const accessKey = z.strictObject({
  id: z.string().min(1).max(128).describe('The access key id that a client is configured with.'),
  secret: z.string().min(1).describe('The secret access key.'),
});

/** Beside `enabled` and `http`, which every protocol has. */
export const sagemakerOptions = {
  endpoints: z
    .array(endpoint)
    .default([])
    .describe('Endpoints with variants. Any other endpoint is the model of its name, and its aliases are variants.'),
  accessKeys: z
    .array(accessKey)
    .default([])
    .describe('Keys that requests must be signed with (signature version 4), instead of an API key.'),
  container: z
    .boolean()
    .default(false)
    .describe('Answers POST /invocations on the shared port, as a model container. SAGEMAKER_* variables turn it on.'),
  model: z
    .string()
    .min(1)
    .optional()
    .describe('The model of POST /invocations: NAME, NAME@ALIAS or NAME/VERSION. The only one by default.'),
  defaultAccept: z
    .string()
    .min(1)
    .optional()
    .describe('Type of answers for which none is asked: that of the question by default.'),
  modelsRoot: z
    .string()
    .min(1)
    .default('/opt/ml/models')
    .describe('Folder that the multi-model API loads NAME/model of; it answers on `http` alone.'),
  memoryBudgetBytes: z
    .int()
    .min(1)
    .optional()
    .describe('Bytes of artifacts that the multi-model API loads at once; beyond it a load gets 507.'),
  maxConcurrentTransforms: z
    .int()
    .min(1)
    .default(16)
    .describe('What GET /execution-parameters recommends to a batch transform.'),
};

export type SagemakerOptions = z.output<z.ZodObject<typeof sagemakerOptions>>;
