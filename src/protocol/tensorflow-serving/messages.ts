/** The messages of TensorFlow Serving's gRPC services, by the numbers of their fields (`apis/*.proto`). */
import { ServeryError } from '../../core/errors.ts';
import type { ModelVersion } from '../../core/model.ts';
import type { Signature, TensorSpec } from '../../core/signature.ts';
import type { NamedTensor, Tensor } from '../../core/tensor.ts';
import { FIXED32, LENGTH, VARINT, WireReader } from '../open-inference-grpc/wire.ts';
import { withContext, type Example, type ScoredClass } from './examples.ts';
import { intField, lengthField, lengthTag, readEntry, readFields, textField } from '../proto-fields.ts';
import { signatureViews } from './named-signatures.ts';
import { dataTypeNumber, decodeTensorProto, encodeTensorProto } from './tensor-proto.ts';

const MAX_ENTRIES = 1024;

export interface ModelSpec {
  readonly name: string;
  readonly version: number | bigint | undefined;
  readonly label: string | undefined;
  readonly signatureName: string;
}

/** Of a request without any. */
export const NO_SPEC: ModelSpec = { name: '', version: undefined, label: undefined, signatureName: '' };

function decodeModelSpec(reader: WireReader): ModelSpec {
  const spec: { -readonly [Key in keyof ModelSpec]: ModelSpec[Key] } = { ...NO_SPEC };
  readFields(reader, (tag) => {
    if (tag === lengthTag(1)) spec.name = reader.string();
    else if (tag === lengthTag(2)) [spec.version, spec.label] = [readInt64(reader.nested()), undefined];
    else if (tag === lengthTag(3)) spec.signatureName = reader.string();
    else if (tag === lengthTag(4)) [spec.version, spec.label] = [undefined, reader.string()];
    else return false;
    return true;
  });
  return spec;
}

function readInt64(reader: WireReader): number | bigint {
  let value: number | bigint = 0;
  readFields(reader, (tag) => {
    if (tag !== 8 + VARINT) return false;
    value = reader.int64();
    return true;
  });
  return value;
}

function encodeModelSpec(field: number, { name, version }: ModelVersion, signatureName: string): Buffer {
  const parts = [textField(1, name), lengthField(2, intField(1, version)), textField(3, signatureName)];
  return lengthField(field, ...parts);
}

export interface PredictRequest {
  readonly spec: ModelSpec;
  readonly inputs: readonly NamedTensor[];
  readonly outputFilter: readonly string[];
}

export function decodePredictRequest(message: Buffer): PredictRequest {
  const reader = new WireReader(message);
  let spec = NO_SPEC;
  // The last entry of a key is the one that counts.
  const inputs = new Map<string, NamedTensor>();
  const outputFilter: string[] = [];
  readFields(reader, (tag) => {
    if (inputs.size > MAX_ENTRIES || outputFilter.length > MAX_ENTRIES) {
      throw new ServeryError('INVALID_REQUEST', `Cannot read the message: it has more than ${MAX_ENTRIES} entries`);
    }
    if (tag === lengthTag(1)) spec = decodeModelSpec(reader.nested());
    else if (tag === lengthTag(2)) {
      const { key, value } = readEntry(reader.nested());
      inputs.set(key, decodeTensorProto(key, value));
    } else if (tag === lengthTag(3)) outputFilter.push(reader.string());
    else return false;
    return true;
  });
  return { spec, inputs: [...inputs.values()], outputFilter };
}

export function encodePredictResponse(
  model: ModelVersion,
  signatureName: string,
  outputs: readonly { readonly name: string; readonly tensor: Tensor }[],
): readonly Buffer[] {
  const entries = outputs.map(({ name, tensor }) =>
    lengthField(1, lengthField(1, Buffer.from(name)), lengthField(2, encodeTensorProto(tensor))),
  );
  return [...entries, encodeModelSpec(2, model, signatureName)];
}

export interface ExampleListRequest {
  readonly spec: ModelSpec;
  readonly examples: readonly Example[];
}

/** ClassificationRequest and RegressionRequest, which are alike. */
export function decodeExampleListRequest(message: Buffer): ExampleListRequest {
  const reader = new WireReader(message);
  let spec = NO_SPEC;
  let examples: readonly Example[] = [];
  readFields(reader, (tag) => {
    if (tag === lengthTag(1)) spec = decodeModelSpec(reader.nested());
    else if (tag === lengthTag(2)) examples = readInput(reader.nested());
    else return false;
    return true;
  });
  if (examples.length === 0) throw new ServeryError('INVALID_REQUEST', 'Input is empty');
  return { spec, examples };
}

function readInput(reader: WireReader): readonly Example[] {
  const examples: Example[] = [];
  let context: Example = {};
  readFields(reader, (tag) => {
    if (tag !== lengthTag(1) && tag !== lengthTag(2)) return false;
    const list = reader.nested();
    readFields(list, (inner) => {
      if (inner === lengthTag(1)) {
        if (examples.length === MAX_EXAMPLES) throw tooManyExamples();
        examples.push(readExample(list.nested()));
      } else if (inner === lengthTag(2)) context = readExample(list.nested());
      else return false;
      return true;
    });
    return true;
  });
  return withContext(context, examples);
}

/** An empty one is two bytes of a message and a hundred of memory. */
const MAX_EXAMPLES = 2 ** 20;

function tooManyExamples(): ServeryError {
  return new ServeryError('INVALID_REQUEST', `Cannot read the request: it has more than ${MAX_EXAMPLES} examples`);
}

function readExample(reader: WireReader): Example {
  const example: Record<string, readonly unknown[]> = {};
  readFields(reader, (tag) => {
    if (tag !== lengthTag(1)) return false;
    const features = reader.nested();
    readFields(features, (inner) => {
      if (inner !== lengthTag(1)) return false;
      const { key, value } = readEntry(features.nested());
      Object.defineProperty(example, key, { value: readFeature(value), enumerable: true, configurable: true });
      return true;
    });
    return true;
  });
  return example;
}

function readFeature(reader: WireReader): readonly unknown[] {
  const values: unknown[] = [];
  readFields(reader, (tag) => {
    const kind = tag >>> 3;
    if ((tag & 7) !== LENGTH || kind > 3) return false;
    const list = reader.nested();
    readFields(list, (inner) => {
      if (inner >>> 3 !== 1) return false;
      const isPacked = (inner & 7) === LENGTH;
      if (kind === 1 && isPacked) values.push(list.view());
      else if (kind === 2 && (isPacked || (inner & 7) === FIXED32)) {
        const end = isPacked ? list.length() : list.pos + 4;
        if (end > list.end || (end - list.pos) % 4 !== 0) {
          throw new ServeryError('INVALID_REQUEST', 'Cannot read the message: a float_list ends within a value');
        }
        for (; list.pos < end; list.pos += 4) values.push(list.bytes.readFloatLE(list.pos));
      } else if (kind === 3 && isPacked) {
        const run = list.nested();
        while (run.pos < run.end) values.push(run.int64());
      } else if (kind === 3 && (inner & 7) === VARINT) values.push(list.int64());
      else return false;
      return true;
    });
    return true;
  });
  return values;
}

/** Classes of each row, or a value for each. */
export type ExamplesAnswer = {
  readonly model: ModelVersion;
  readonly signatureName: string;
} & ({ readonly classes: readonly (readonly ScoredClass[])[] } | { readonly values: readonly number[] });

/** A ClassificationResponse or a RegressionResponse, which are alike. */
export function encodeExamplesResponse(answer: ExamplesAnswer): readonly Buffer[] {
  return [encodeResult(1, answer), encodeModelSpec(2, answer.model, answer.signatureName)];
}

export function encodeMultiInferenceResponse(answers: readonly ExamplesAnswer[]): readonly Buffer[] {
  return answers.map((answer) => {
    const result = encodeResult('classes' in answer ? 2 : 3, answer);
    return lengthField(1, encodeModelSpec(1, answer.model, answer.signatureName), result);
  });
}

function encodeResult(field: number, answer: ExamplesAnswer): Buffer {
  if ('values' in answer) {
    return lengthField(field, ...answer.values.map((value) => lengthField(1, floatField(1, value))));
  }
  const classOf = ({ label, score }: ScoredClass) => lengthField(1, textField(1, label), floatField(2, score));
  return lengthField(field, ...answer.classes.map((row) => lengthField(1, ...row.map(classOf))));
}

export interface InferenceTask {
  readonly spec: ModelSpec;
  readonly method: string;
}

export function decodeMultiInferenceRequest(message: Buffer): {
  readonly tasks: readonly InferenceTask[];
  readonly examples: readonly Example[];
} {
  const reader = new WireReader(message);
  const tasks: InferenceTask[] = [];
  let examples: readonly Example[] = [];
  readFields(reader, (tag) => {
    if (tag === lengthTag(1)) {
      if (tasks.length === MAX_ENTRIES) {
        throw new ServeryError('INVALID_REQUEST', `Cannot read the message: it has more than ${MAX_ENTRIES} tasks`);
      }
      tasks.push(readTask(reader.nested()));
    } else if (tag === lengthTag(2)) examples = readInput(reader.nested());
    else return false;
    return true;
  });
  return { tasks, examples };
}

function readTask(reader: WireReader): InferenceTask {
  let spec = NO_SPEC;
  let method = '';
  readFields(reader, (tag) => {
    if (tag === lengthTag(1)) spec = decodeModelSpec(reader.nested());
    else if (tag === lengthTag(2)) method = reader.string();
    else return false;
    return true;
  });
  return { spec, method };
}

function floatField(field: number, value: number): Buffer {
  const bytes = Buffer.allocUnsafe(5);
  bytes[0] = field * 8 + FIXED32;
  bytes.writeFloatLE(value, 1);
  return bytes;
}

/** GetModelMetadataRequest and GetModelStatusRequest; the latter has no fields to ask for. */
export function decodeModelQuestion(message: Buffer): { readonly spec: ModelSpec; readonly fields: readonly string[] } {
  const reader = new WireReader(message);
  let spec = NO_SPEC;
  const fields: string[] = [];
  readFields(reader, (tag) => {
    if (tag === lengthTag(1)) spec = decodeModelSpec(reader.nested());
    else if (tag === lengthTag(2)) fields.push(reader.string());
    else return false;
    return true;
  });
  return { spec, fields };
}

export function encodeMetadataResponse(model: ModelVersion, signature: Signature): readonly Buffer[] {
  const map = signatureViews(signature).map(({ name, method, signature: { inputs, outputs }, tensorNames }) => {
    const definition = [
      ...inputs.map((spec, i) => tensorInfo(1, spec, tensorNames.inputs[i]!)),
      ...outputs.map((spec, i) => tensorInfo(2, spec, tensorNames.outputs[i]!)),
      textField(3, `tensorflow/serving/${method}`),
    ];
    return lengthField(1, textField(1, name), lengthField(2, ...definition));
  });
  const any = [textField(1, 'type.googleapis.com/tensorflow.serving.SignatureDefMap'), lengthField(2, ...map)];
  return [encodeModelSpec(1, model, ''), lengthField(2, textField(1, 'signature_def'), lengthField(2, ...any))];
}

/** @param tensor its name in the model */
function tensorInfo(field: number, { name, datatype, shape }: TensorSpec, tensor: string): Buffer {
  const dims = shape.map((size) => lengthField(2, intField(1, size ?? -1)));
  const info = [textField(1, `${tensor}:0`), intField(2, dataTypeNumber(datatype)), lengthField(3, ...dims)];
  return lengthField(field, textField(1, name), lengthField(2, ...info));
}

const STATES = { LOADING: 20, AVAILABLE: 30, END: 50 } as const;
const UNKNOWN_ERROR = 2;

export interface VersionState {
  readonly version: number;
  readonly state: keyof typeof STATES;
  /** Empty when nothing is wrong. */
  readonly problem: string;
}

export function encodeStatusResponse(versions: readonly VersionState[]): readonly Buffer[] {
  return versions.map(({ version, state, problem }) => {
    const status = problem === '' ? [] : [intField(1, UNKNOWN_ERROR), textField(2, problem)];
    return lengthField(1, intField(1, version), intField(2, STATES[state]), lengthField(3, ...status));
  });
}

/** Which versions are to be loaded: all, the latest few, or these. */
export type VersionPolicy = 'all' | { readonly latest: number } | readonly number[];

export interface ReloadedModel {
  readonly name: string;
  /** Undefined where the request says nothing of it. */
  readonly policy: VersionPolicy | undefined;
  readonly labels: Readonly<Record<string, number>>;
}

/** @returns undefined when it has no list of models */
export function decodeReloadRequest(message: Buffer): readonly ReloadedModel[] | undefined {
  let models: ReloadedModel[] | undefined;
  const reader = new WireReader(message);
  readFields(reader, (tag) => {
    if (tag !== lengthTag(1)) return false;
    const config = reader.nested();
    readFields(config, (inner) => {
      if (inner !== lengthTag(1)) return false;
      const list = config.nested();
      models ??= [];
      const found = models;
      readFields(list, (item) => {
        if (item !== lengthTag(1)) return false;
        found.push(readModelConfig(list.nested()));
        return true;
      });
      return true;
    });
    return true;
  });
  return models;
}

function readModelConfig(reader: WireReader): ReloadedModel {
  let name = '';
  let policy: VersionPolicy | undefined;
  const labels = Object.create(null) as Record<string, number>;
  readFields(reader, (tag) => {
    if (tag === lengthTag(1)) name = reader.string();
    else if (tag === lengthTag(7)) policy = readPolicy(reader.nested());
    else if (tag === lengthTag(8)) {
      const entry = reader.nested();
      let key = '';
      let version: number | bigint = 0;
      readFields(entry, (inner) => {
        if (inner === lengthTag(1)) key = entry.string();
        else if (inner === 16 + VARINT) version = entry.int64();
        else return false;
        return true;
      });
      labels[key] = Number(version);
    } else return false;
    return true;
  });
  return { name, policy, labels };
}

function readPolicy(reader: WireReader): VersionPolicy | undefined {
  let policy: VersionPolicy | undefined;
  readFields(reader, (tag) => {
    if (tag === lengthTag(100)) policy = { latest: Math.max(1, Number(readInt64(reader.nested()))) };
    else if (tag === lengthTag(101)) {
      reader.view();
      policy = 'all';
    } else if (tag === lengthTag(102)) policy = readVersions(reader.nested());
    else return false;
    return true;
  });
  return policy;
}

function readVersions(reader: WireReader): readonly number[] {
  const versions: number[] = [];
  readFields(reader, (tag) => {
    if (tag === 8 + VARINT) versions.push(Number(reader.int64()));
    else if (tag === lengthTag(1)) {
      const run = reader.nested();
      while (run.pos < run.end) versions.push(Number(run.int64()));
    } else return false;
    return true;
  });
  return versions;
}
