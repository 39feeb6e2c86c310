/**
 * Model directories of MLflow: a file `MLmodel` says in which flavors the model is there, and what it takes and gives.
 *
 * The flavor `onnx` is served as it is. Of the others (pickles and weights, which need their library in Python) the
 * refusal lists what was found and says how to come to ONNX; what was exported then lies beside `MLmodel`.
 */
import { readFile, stat } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { parseDocument } from 'yaml';
import * as z from 'zod';
import { quote } from '../core/errors.ts';
import type { ArtifactFormat, ArtifactHints, ExampleFile, ParamHint, ValueHint } from '../core/model.ts';
import { parseParams, parseSchema } from './mlmodel-schema.ts';
import { rememberByFingerprint } from './remember.ts';

export const MLMODEL = 'MLmodel';
/** A signature of 10,000 columns has 0.7 MB. */
const MAX_BYTES = 2 ** 21;

const mlmodelSchema = z.object({
  flavors: z.record(z.string(), z.object({ data: z.string().nullish() }).nullish()),
  signature: z
    .object({ inputs: z.string().nullish(), outputs: z.string().nullish(), params: z.string().nullish() })
    .nullish(),
  saved_input_example_info: z.object({ type: z.string().nullish(), pandas_orient: z.string().nullish() }).nullish(),
});

interface Mlmodel {
  readonly flavors: readonly string[];
  /** What the flavor `onnx` has as its file. */
  readonly onnx: string | undefined;
  readonly inputs: readonly ValueHint[];
  readonly outputs: readonly ValueHint[];
  readonly params: readonly ParamHint[] | undefined;
  /** The key of a request's body for what is in `input_example.json`; undefined where it is for none. */
  readonly exampleUnder: string | undefined;
}

export interface MlmodelEntry {
  readonly format: ArtifactFormat;
  readonly file: string;
  readonly hints?: ArtifactHints;
}

/**
 * @param names the files of the folder
 * @param beside an artifact that lies there by the name that it has everywhere
 * @returns the file to load, or why there is none
 */
export async function entryOfMlmodel(
  folder: string,
  names: readonly string[],
  fingerprint: string,
  beside: MlmodelEntry | undefined,
): Promise<MlmodelEntry | string> {
  if (beside?.format === 'handler') return beside; // it has a signature of its own, and its own use for the rest
  const mlmodel = await read(join(folder, MLMODEL), fingerprint);
  if (typeof mlmodel === 'string') return `its ${MLMODEL} cannot be used: ${mlmodel}`;
  const { flavors, onnx, inputs, outputs, params } = mlmodel;
  const file = onnx === undefined ? beside?.file : posix.normalize(onnx);
  if (file === undefined) return refusal(flavors);
  if (!names.includes(file)) return `its ${MLMODEL} names the artifact ${quote(file)}, which is not in the folder`;
  if (beside !== undefined && file !== beside.file) {
    return `it holds ${beside.file} and ${quote(file)}, which its ${MLMODEL} names; expected one artifact`;
  }
  const example = exampleOf(names, mlmodel);
  const hints = {
    file: MLMODEL,
    inputs,
    outputs,
    ...(params !== undefined && { params }),
    ...(example !== undefined && { example }),
  };
  return { format: 'onnx', file, hints };
}

/** The request that MLflow has made of the example is there since 2.15. */
function exampleOf(names: readonly string[], { exampleUnder }: Mlmodel): ExampleFile | undefined {
  if (names.includes('serving_input_example.json')) return { file: 'serving_input_example.json' };
  if (exampleUnder === undefined || !names.includes('input_example.json')) return undefined;
  return { file: 'input_example.json', under: exampleUnder };
}

/** How a model of a flavor becomes one that is served here. */
const EXPORTS: Readonly<Record<string, string>> = {
  sklearn: 'export it with skl2onnx',
  lightgbm: 'export it with onnxmltools',
  xgboost: 'export it with onnxmltools',
  spark: 'export it with onnxmltools',
  catboost: "export it with save_model(…, format='onnx')",
  pytorch: 'export it with torch.onnx.export',
  tensorflow: 'export it with tf2onnx',
  keras: "export it with model.export(…, format='onnx')",
  transformers: 'export it with optimum-cli export onnx',
  sentence_transformers: 'export it with optimum-cli export onnx',
};

function refusal(flavors: readonly string[]): string {
  const found = flavors.map((flavor) => quote(flavor)).join(', ');
  const known = flavors.find((flavor) => Object.hasOwn(EXPORTS, flavor));
  const instead = known === undefined ? 'export the model to ONNX' : EXPORTS[known];
  return (
    `its ${MLMODEL} has the flavors ${found === '' ? 'none' : found}, and only "onnx" is run here: ` +
    `${instead} and put model.onnx beside ${MLMODEL}, or a handler.ts that asks whoever runs it`
  );
}

const read = rememberByFingerprint(readMlmodel);

async function readMlmodel(path: string): Promise<Mlmodel | string> {
  const { size } = await stat(path);
  if (size > MAX_BYTES) return `it has ${size} bytes, at most ${MAX_BYTES} are read`;
  const document = parseYaml(await readFile(path, 'utf8'));
  if (typeof document === 'string') return document;
  const { data, error } = mlmodelSchema.safeParse(document.content);
  if (error !== undefined) {
    const [issue] = error.issues;
    return `${issue!.path.join('.') || 'it'}: ${issue!.message}`;
  }
  const { flavors, signature, saved_input_example_info: example } = data;
  const onnx = Object.hasOwn(flavors, 'onnx') ? (flavors['onnx']?.data ?? '') : undefined;
  if (onnx === '') return 'its flavor "onnx" names no file as "data"';
  const inputs = parseSchema('inputs', signature?.inputs);
  if (typeof inputs === 'string') return inputs;
  const outputs = parseSchema('outputs', signature?.outputs);
  if (typeof outputs === 'string') return outputs;
  const params = parseParams(signature?.params);
  if (typeof params === 'string') return params;
  return { flavors: Object.keys(flavors), onnx, inputs, outputs, params, exampleUnder: underOf(example) };
}

function underOf(info: z.infer<typeof mlmodelSchema>['saved_input_example_info']): string | undefined {
  switch (info?.type) {
    case 'dataframe':
      return info.pandas_orient === 'records' ? 'dataframe_records' : 'dataframe_split';
    case 'ndarray':
    case 'json_object':
      return 'inputs';
    default:
      return undefined;
  }
}

/** @returns the content, or what is wrong: nothing in a file may stop the look at a folder */
function parseYaml(text: string): { readonly content: unknown } | string {
  try {
    const document = parseDocument(text, { prettyErrors: false, logLevel: 'error' });
    const [error] = document.errors;
    if (error === undefined) return { content: document.toJS({ maxAliasCount: 100 }) as unknown };
    return `line ${text.slice(0, error.pos[0]).split('\n').length}: ${error.message}`;
  } catch (error) {
    return error instanceof RangeError ? 'it is nested too deeply' : 'it is no YAML that can be read';
  }
}
