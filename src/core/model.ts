/** Model references and artifacts: which model is meant, and where the files of a version are. */
import { ServeryError, quote } from './errors.ts';

/** A version that is meant exactly. */
export interface ModelVersion {
  readonly name: string;
  readonly version: number;
}

/** What a caller asks for: a version, an alias, or neither (alias `default`, else the highest live version). */
export interface ModelRef {
  readonly name: string;
  readonly version?: number;
  readonly alias?: string;
}

/** The formats of artifacts, by the file that a version folder holds. */
export type ArtifactFormat = 'onnx' | 'handler';

/** The files of one version. Immutable once seen. */
export interface ModelArtifact extends ModelVersion {
  readonly format: ArtifactFormat;
  /** Absolute path of the version's folder. Never part of an error that a client sees. */
  readonly folder: string;
  /** The version's own folder, where `folder` holds what was unpacked of an archive in it. */
  readonly unpackedFrom?: string;
  /** The entry file within `folder`: `model.onnx`, `handler.ts` … */
  readonly file: string;
  readonly hints?: ArtifactHints;
}

/** What another file of the version says about the artifact, which has to agree. */
export interface ArtifactHints {
  /** The file that says it, for messages. */
  readonly file: string;
  readonly inputs: readonly ValueHint[];
  readonly outputs: readonly ValueHint[];
  /** What a call may say beside its inputs; undefined where the file says nothing of it. */
  readonly params?: readonly ParamHint[];
  readonly example?: ExampleFile;
}

/** The part of the hints that requests are read by. */
export type DeclaredValues = Pick<ArtifactHints, 'inputs' | 'params'>;

/** A tensor; or, without a shape, a column: a single value of each row. */
export interface ValueHint {
  readonly name?: string;
  /** As the file calls it. */
  readonly type: string;
  /** `none` is what no tensor holds. */
  readonly kind: 'boolean' | 'integer' | 'number' | 'text' | 'any' | 'none';
  readonly shape?: readonly (number | null)[];
  /** Of a column that holds a list in each row: the type of its values. */
  readonly itemType?: string;
}

/** A parameter of a call, as the file describes it. */
export interface ParamHint {
  readonly name: string;
  readonly type: string;
  readonly default: unknown;
  /** Its value is a list. */
  readonly isList: boolean;
}

/** A file in the version's folder with a request that the model must be able to answer. */
export interface ExampleFile {
  readonly file: string;
  /** The key of a request's body that the content belongs under, where the file has the content alone. */
  readonly under?: string;
}

/**
 * A model or alias name: letters, digits, `_`, `-`, `.`, at most 128, not starting with a dot, dash.
 * It becomes a folder name, a path segment, a metric label and a file name on every system.
 */
const NAME = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/;

export function isModelName(text: string): boolean {
  return NAME.test(text);
}

/** A folder name or path segment as a version: a positive integer without leading zeros. */
export function parseVersion(text: string): number | undefined {
  return /^[1-9][0-9]{0,14}$/.test(text) ? Number(text) : undefined;
}

/**
 * Reads `name`, `name@alias` or `name/7`.
 *
 * @throws {ServeryError} `MODEL_NOT_FOUND` when it is none of these, as no model can have such a name
 */
export function parseModelRef(text: string): ModelRef {
  const [, name = '', sign, rest = ''] = /^([^@/]*)(?:([@/])(.*))?$/s.exec(text) ?? [];
  if (isModelName(name)) {
    if (sign === undefined) return { name };
    if (sign === '@' && isModelName(rest)) return { name, alias: rest };
    const version = sign === '/' ? parseVersion(rest) : undefined;
    if (version !== undefined) return { name, version };
  }
  throw new ServeryError('MODEL_NOT_FOUND', `Cannot find model ${quote(text)}: that is not a model reference`, {
    hint: 'A reference is NAME, NAME@ALIAS or NAME/VERSION.',
  });
}

export function formatModelRef({ name, version, alias }: ModelRef): string {
  if (version !== undefined) return `${name}/${version}`;
  return alias === undefined ? name : `${name}@${alias}`;
}
