/** The model repository extension: the index, and what load and unload requests say. */
import { ServeryError, quote } from '../../core/errors.ts';
import type { VersionState } from '../../core/events.ts';
import { countAllKeys, decodeText, isJsonObject, parseJson, refuseDuplicateKeys } from '../json.ts';

/** A model with the versions that are known, loaded or not. */
export interface IndexedModel {
  readonly name: string;
  readonly versions: readonly { readonly version: number; readonly state: VersionState; readonly reason: string }[];
}

export interface RepositoryIndexEntry {
  readonly name: string;
  /** Absent for a model without versions. */
  readonly version?: string;
  readonly state: 'READY' | 'UNAVAILABLE' | 'LOADING' | 'UNLOADING';
  readonly reason: string;
}

/** A stuck version still answers what it can, but nobody should be sent to it. */
const STATES: Readonly<Record<VersionState, RepositoryIndexEntry['state']>> = {
  loading: 'LOADING',
  ready: 'READY',
  stuck: 'UNAVAILABLE',
  failed: 'UNAVAILABLE',
  unloading: 'UNLOADING',
  unloaded: 'UNAVAILABLE',
};

export function repositoryIndex(models: readonly IndexedModel[], readyOnly: boolean): RepositoryIndexEntry[] {
  const entries = models.flatMap(({ name, versions }): RepositoryIndexEntry[] => {
    if (versions.length === 0) return [{ name, state: 'UNAVAILABLE', reason: 'no versions' }];
    return versions.map(({ version, state, reason }) => ({
      name,
      version: String(version),
      state: STATES[state],
      reason: state === 'unloaded' ? reason || 'unloaded' : reason,
    }));
  });
  return readyOnly ? entries.filter(({ state }) => state === 'READY') : entries;
}

/** @param body may be empty */
export function decodeIndexRequest(body: Uint8Array): { readonly readyOnly: boolean } {
  const { ready = false } = readObject(body);
  if (typeof ready === 'boolean') return { readyOnly: ready };
  throw new ServeryError('INVALID_REQUEST', 'Cannot use "ready": expected true or false');
}

export interface LoadRequest {
  /** Files of versions by path in the model's folder (`1/model.onnx`); undefined to load what is there. */
  readonly files: Readonly<Record<string, Uint8Array>> | undefined;
}

const FILE_PREFIX = 'file:';

/**
 * @param body may be empty
 * @throws {ServeryError} `INVALID_REQUEST`; `UNSUPPORTED` for a configuration
 */
export function decodeLoadRequest(body: Uint8Array): LoadRequest {
  const files: [string, Uint8Array][] = [];
  for (const [key, value] of Object.entries(readRepositoryParameters(body))) {
    if (key === 'config') {
      // Triton wants one with files, so its clients send an empty one.
      if (typeof value === 'string' && /^\s*\{\s*\}\s*$/.test(value)) continue;
      throw new ServeryError('UNSUPPORTED', 'Cannot load with a configuration: models are configured in model.yaml', {
        hint: 'Leave "config" out.',
      });
    }
    if (!key.startsWith(FILE_PREFIX)) {
      throw new ServeryError('INVALID_REQUEST', `Cannot use parameter ${quote(key)}: load does not take it`);
    }
    files.push([key.slice(FILE_PREFIX.length), readBase64(key, value)]);
  }
  return { files: files.length === 0 ? undefined : Object.fromEntries(files) };
}

/**
 * Models here have no dependents that an unload could take along, so either value of `unload_dependents` is the same.
 *
 * @param body may be empty
 */
export function checkUnloadRequest(body: Uint8Array): void {
  for (const [key, value] of Object.entries(readRepositoryParameters(body))) {
    if (key === 'unload_dependents' && typeof value === 'boolean') continue;
    throw new ServeryError('INVALID_REQUEST', `Cannot use parameter ${quote(key)}: unload does not take it, or not so`);
  }
}

function readRepositoryParameters(body: Uint8Array): Readonly<Record<string, unknown>> {
  const { parameters = {} } = readObject(body);
  if (isJsonObject(parameters)) return parameters;
  throw new ServeryError('INVALID_REQUEST', 'Cannot use "parameters": expected an object');
}

const MAX_NESTING = 100;

function readObject(body: Uint8Array): Readonly<Record<string, unknown>> {
  const text = decodeText(body);
  if (text.trim() === '') return {};
  const document = parseJson(text);
  if (!isJsonObject(document)) {
    throw new ServeryError('INVALID_REQUEST', 'Cannot read the body: expected a JSON object');
  }
  refuseDuplicateKeys(text, countAllKeys(document, MAX_NESTING));
  return document;
}

function readBase64(key: string, value: unknown): Uint8Array {
  // `Buffer.from` skips what is no base64; a file must not lose a byte unseen.
  if (typeof value === 'string' && value.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(value)) {
    return Buffer.from(value, 'base64');
  }
  throw new ServeryError('INVALID_REQUEST', `Cannot use parameter ${quote(key)}: expected a file in base64`);
}
