/** How TensorFlow Serving says that a model, a version or a label is not there, and what it calls values. */
import { ServeryError, quote } from '../../core/errors.ts';
import type { ModelRef } from '../../core/model.ts';
import type { Datatype } from '../../core/tensor.ts';

/** A name as the original has it in its texts, without quotes; quoted where it could be taken for words of ours. */
export function bare(name: string): string {
  return /^[\x21-\x7e]{1,128}$/.test(name) ? name : quote(name);
}

export function servableNotFound({ name, version }: ModelRef): ServeryError {
  const servable = version === undefined ? `Latest(${bare(name)})` : `Specific(${bare(name)}, ${version})`;
  return new ServeryError('MODEL_NOT_FOUND', `Servable not found for request: ${servable}`);
}

/** The same, of one who asks for the state of versions. */
export function noVersions({ name, version }: ModelRef): ServeryError {
  const what = version === undefined ? 'any versions' : `version ${version}`;
  return new ServeryError('MODEL_NOT_FOUND', `Could not find ${what} of model ${bare(name)}`);
}

/** An error about a reference in its words; any other as it is. */
export function inItsWords(error: unknown, ref: ModelRef, notFound = servableNotFound): unknown {
  if (!(error instanceof ServeryError) || error.code !== 'MODEL_NOT_FOUND') return error;
  if (ref.alias === undefined) return notFound(ref);
  return new ServeryError('INVALID_REQUEST', `Unrecognized servable version label: ${bare(ref.alias)}`);
}

const DATATYPE_WORDS: Readonly<Record<Datatype, string>> = {
  BOOL: 'bool',
  UINT8: 'uint8',
  UINT16: 'uint16',
  UINT32: 'uint32',
  UINT64: 'uint64',
  INT8: 'int8',
  INT16: 'int16',
  INT32: 'int32',
  INT64: 'int64',
  FP16: 'half',
  FP32: 'float',
  FP64: 'double',
  BYTES: 'string',
};

export function datatypeWord(datatype: Datatype): string {
  return DATATYPE_WORDS[datatype];
}

/** The kind of a JSON value. */
export function jsonKind(value: unknown): string {
  if (value === null) return 'Null';
  if (Array.isArray(value)) return 'Array';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  return typeof value === 'object' ? 'Object' : typeof value === 'string' ? 'String' : 'Number';
}
