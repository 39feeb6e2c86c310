/**
 * The rows that a version is warmed up with: those of `warmup.json`, of the example that came with the artifact, or
 * made from its signature.
 *
 * Real rows are better: they take the paths through the model that requests take, and they stand in the
 * documentation. Made ones are zeros and ones of the right shape.
 */
import { readFile, realpath, stat } from 'node:fs/promises';
import { dirname, join, sep } from 'node:path';
import { ServeryError, quote } from '../core/errors.ts';
import type { ModelArtifact } from '../core/model.ts';
import { checkInputs, type CheckedInputs, type Signature } from '../core/signature.ts';
import { bodyUnder, decodeExampleBody } from '../protocol/example-body.ts';
import { decodeRows, exampleRows } from '../protocol/rows.ts';

const DEFAULT_FILE = 'warmup.json';
const MAX_BYTES = 2 ** 26;

/** Sizes to try for axes that are free besides the rows: a network for images cannot take a single pixel. */
const FREE_AXIS_SIZES = [1, 8, 32, 224];

export interface WarmUpRows {
  /** The rows to try, in order: the first that the model accepts is used. Given rows come alone. */
  readonly candidates: readonly CheckedInputs[];
  /** In the form of the plain door, for documentation. */
  readonly exampleRows: readonly Record<string, unknown>[];
  /** The file they come from; undefined when they are made. */
  readonly file: string | undefined;
}

/**
 * @param file the option `warmup`; when undefined, `warmup.json` is used if it is there, else the artifact's example
 * @throws {ServeryError} `MODEL_INVALID` when the file cannot be read or does not fit the signature
 */
export async function findWarmUpRows(
  artifact: ModelArtifact,
  signature: Signature,
  file: string | undefined,
): Promise<WarmUpRows> {
  const name = file ?? DEFAULT_FILE;
  const text = await readBeside(artifact, name);
  if (text !== undefined) return { ...readRows(signature, name, text), file: name };
  if (file !== undefined) {
    throw new ServeryError('MODEL_INVALID', `Cannot warm up: there is no file ${quote(file)} beside the version`);
  }
  const example = artifact.hints?.example;
  const content = example && (await readBeside(artifact, example.file));
  if (example === undefined || content === undefined) return makeRows(signature);
  return { ...readRows(signature, example.file, content, example.under), file: example.file };
}

function readRows(signature: Signature, name: string, text: string, under?: string): Omit<WarmUpRows, 'file'> {
  try {
    const body = under === undefined ? text : bodyUnder(under, text);
    const { tensors, rows = madeExamples(signature) } = decodeExampleBody(body, signature);
    return { candidates: [checkInputs(signature, tensors)], exampleRows: rows };
  } catch (error) {
    if (!(error instanceof ServeryError)) throw error;
    const problem = `Cannot use the rows of ${quote(name)}: ${error.message}`;
    throw new ServeryError('MODEL_INVALID', problem, { cause: error });
  }
}

function makeRows(signature: Signature): WarmUpRows {
  const isFree = signature.inputs.some(({ shape }) => shape.slice(signature.batched ? 1 : 0).includes(null));
  const candidates = (isFree ? FREE_AXIS_SIZES : [1]).map((size) =>
    checkInputs(signature, decodeRows(signature, exampleRows(signature, signature.batched ? 2 : 1, size))),
  );
  return { candidates, exampleRows: madeExamples(signature), file: undefined };
}

function madeExamples(signature: Signature): readonly Record<string, unknown>[] {
  return exampleRows(signature, 1);
}

/** A file of the version's folder, else of the model's; links may not lead out of the latter. */
async function readBeside({ folder, unpackedFrom = folder }: ModelArtifact, name: string): Promise<string | undefined> {
  const modelFolder = dirname(unpackedFrom);
  const places = [
    [folder, dirname(folder)],
    [modelFolder, modelFolder],
  ] as const;
  for (const [place, root] of places) {
    try {
      const path = await realpath(join(place, name));
      if (!path.startsWith((await realpath(root)) + sep)) continue;
      const { size } = await stat(path);
      if (size > MAX_BYTES) {
        throw new ServeryError('MODEL_INVALID', `Cannot warm up with ${quote(name)}: it is over ${MAX_BYTES} bytes`);
      }
      return await readFile(path, 'utf8');
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'ENOENT' && code !== 'ENOTDIR') throw error;
    }
  }
  return undefined;
}
