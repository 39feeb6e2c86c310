/**
 * `model.yaml`, and what a configuration says about a model: one schema for both.
 *
 * Everything is optional. Each source is checked by itself, so that a problem is reported where it is;
 * then they are laid over each other and the defaults fill the rest.
 */
import { parseDocument } from 'yaml';
import * as z from 'zod';
import { batchingOptions } from '../batching/options.ts';
import { ServeryError, quote } from '../core/errors.ts';
import { isModelName } from '../core/model.ts';
import { runtimeOptions } from '../runtime/options.ts';
import { describeIssues } from './option-issues.ts';

const names = z.array(z.string('expected a text; put quotes around numbers').min(1)).min(1).max(100_000);

const inputOptions = z.strictObject({
  features: names.describe('Inputs of shape [n, k]: the names of the k features, in their order.').optional(),
  missing: z
    .literal('nan')
    .describe('A missing value is NaN instead of an error; floating-point inputs only.')
    .optional(),
});

const outputOptions = z.strictObject({
  labels: names.describe('The name of each class: by value for integers, by column for shape [n, k].').optional(),
});

const parts = z.union(
  [names, z.record(z.string().min(1), z.string().min(1))],
  'expected a list of names, or the names of the model by those of the signature',
);

const namedSignature = z.strictObject({
  method: z
    .enum(['predict', 'classify', 'regress'])
    .default('predict')
    .describe('What it answers: outputs as they are, scores of classes, one value a row.'),
  inputs: parts.describe('The inputs it takes; the others are 0, an empty text, or what is missing.'),
  outputs: parts.describe('The outputs it gives.'),
});

const versions = z.union(
  [z.strictObject({ latest: z.int().min(1) }), z.literal('all'), z.array(z.int().min(1)).min(1)],
  'expected { latest: n }, all, or a list of versions such as [3, 4]',
);

const modelOptions = z.strictObject({
  versions: versions.default({ latest: 1 }).describe('Which versions are live: { latest: n }, all, or a list.'),
  inputs: z.record(z.string(), inputOptions).default({}).describe('By name of the input: features, missing.'),
  outputs: z.record(z.string(), outputOptions).default({}).describe('By name of the output: labels.'),
  signatures: z
    .record(z.string().min(1).max(256), namedSignature)
    .default({})
    .describe("Parts of the model by a name, for TensorFlow Serving's clients: method, inputs, outputs."),
  batching: batchingOptions.prefault({}),
  runtime: runtimeOptions.prefault({}),
  warmup: z
    .string()
    .regex(/^(?!.*\.\.)[A-Za-z0-9_][A-Za-z0-9_./-]*$/, 'expected a file in the folder of the model or the version')
    .describe(
      'A file of rows to warm up with, in the folder of the version or the model. `warmup.json` is found by itself.',
    )
    .optional(),
});
export type ModelOptions = z.output<typeof modelOptions>;

/** What a configuration may say about a model. */
export const modelConfig = modelOptions.extend({
  aliases: z
    .record(z.string().refine(isModelName, 'a name has letters, digits, _, - and . only'), z.int().min(1))
    .default({})
    .describe('Aliases to set where they were never set; from then on `aliases.json` holds them.'),
});
export type ModelConfig = z.output<typeof modelConfig>;
export type ModelConfigInput = z.input<typeof modelConfig>;

/**
 * The options of a model: `model.yaml`, under what the configuration says.
 *
 * @param yaml the text of `model.yaml`, if there is one
 * @throws {ServeryError} `CONFIG_INVALID` that names every problem
 */
export function resolveModelOptions(
  name: string,
  yaml: string | undefined,
  config: ModelConfigInput = {},
): ModelConfig {
  const fromFile = yaml === undefined ? {} : parseYaml(name, yaml);
  check(`model.yaml of model ${quote(name)}`, modelOptions, fromFile);
  check(`the configuration of model ${quote(name)}`, modelConfig, config);
  return modelConfig.parse(layOver(fromFile, config));
}

function parseYaml(name: string, text: string): unknown {
  const document = parseDocument(text, { prettyErrors: false });
  const [error] = document.errors;
  if (error !== undefined) {
    const line = text.slice(0, error.pos[0]).split('\n').length;
    const problem = `line ${line}: ${error.message}`;
    throw new ServeryError('CONFIG_INVALID', `Cannot read model.yaml of model ${quote(name)}: ${problem}`);
  }
  return document.toJS({ maxAliasCount: 100 }) ?? {}; // an empty file says nothing
}

function check(where: string, schema: z.ZodObject, value: unknown): void {
  const { error } = schema.safeParse(value);
  if (error === undefined) return;
  const problems = describeIssues(error, schema);
  throw new ServeryError('CONFIG_INVALID', `Cannot use ${where}: ${problems.join('; ')}`);
}

/** Objects are laid over each other key by key; a list, a value and `versions` replace what was there. */
function layOver(below: unknown, above: unknown, key = ''): unknown {
  if (above === undefined) return below;
  if (!isObject(below) || !isObject(above) || key === 'versions') return above;
  const merged: [string, unknown][] = Object.entries(below);
  for (const [name, value] of Object.entries(above)) merged.push([name, layOver(below[name], value, name)]);
  return Object.fromEntries(merged);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
