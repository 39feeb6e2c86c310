/**
 * The rows that a version is warmed up with: those of `warmup.json`, or made from its signature.
 *
 * Real rows are better: they take the paths through the model that requests take, and they stand in the
 * documentation. Made ones are zeros and ones of the right shape.
 */
import { readFile, realpath } from 'node:fs/promises';
import { dirname, join, sep } from 'node:path';
import { ServeryError, quote } from '../core/errors.ts';
import type { ModelArtifact } from '../core/model.ts';
import { checkInputs, type CheckedInputs, type Signature } from '../core/signature.ts';
import { decodeInferRequest } from '../protocol/open-inference/infer-request.ts';
import { decodeRows, exampleRows } from '../protocol/rows.ts';

const DEFAULT_FILE = 'warmup.json';

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
 * @param file the option `warmup`; when undefined, `warmup.json` is used if it is there
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
  return makeRows(signature);
}

function readRows(signature: Signature, name: string, text: string): Omit<WarmUpRows, 'file'> {
  try {
    const body = JSON.parse(text) as { rows?: unknown; inputs?: unknown } | null;
    const rows = body?.rows;
    if (Array.isArray(rows) && rows.length > 0) {
      const inputs = checkInputs(signature, decodeRows(signature, rows));
      const isKeyed = rows.every((row) => typeof row === 'object' && row !== null && !Array.isArray(row));
      return { candidates: [inputs], exampleRows: isKeyed ? rows : madeExamples(signature) };
    }
    if (body?.inputs === undefined) {
      throw new ServeryError('INVALID_REQUEST', 'expected { "rows": [ … ] } with at least one row');
    }
    const { inputs } = decodeInferRequest(new TextEncoder().encode(text), undefined);
    return { candidates: [checkInputs(signature, inputs)], exampleRows: madeExamples(signature) };
  } catch (error) {
    const problem = error instanceof ServeryError ? error.message : 'it is not JSON';
    throw new ServeryError('MODEL_INVALID', `Cannot use the rows of ${quote(name)}: ${problem}`, { cause: error });
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
      return await readFile(path, 'utf8');
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'ENOENT' && code !== 'ENOTDIR') throw error;
    }
  }
  return undefined;
}
