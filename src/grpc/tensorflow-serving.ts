/**
 * TensorFlow Serving's PredictionService and ModelService.
 *
 * Labels are aliases. A reload says which models are loaded and where labels point; folders and version policies are
 * those of the workspace, and a reload that asks for other versions is refused.
 */
import { systemClock } from '../core/clock.ts';
import { ServeryError, quote } from '../core/errors.ts';
import { isModelName, type ModelRef, type ModelVersion } from '../core/model.ts';
import type { Signature } from '../core/signature.ts';
import type { NamedTensor, Tensor } from '../core/tensor.ts';
import { notThereYet } from '../models/snapshot.ts';
import { DEFAULT_DECODE_LIMITS } from '../protocol/json.ts';
import { classesOf, exampleTensors, valuesOf, type Example } from '../protocol/tensorflow-serving/examples.ts';
import {
  NO_SPEC,
  decodeExampleListRequest,
  decodeModelQuestion,
  decodeMultiInferenceRequest,
  decodePredictRequest,
  decodeReloadRequest,
  encodeExamplesResponse,
  encodeMetadataResponse,
  encodeMultiInferenceResponse,
  encodePredictResponse,
  encodeStatusResponse,
  type ExamplesAnswer,
  type ModelSpec,
  type ReloadedModel,
  type VersionPolicy,
} from '../protocol/tensorflow-serving/messages.ts';
import { outputOf, type ExampleMethod } from '../protocol/tensorflow-serving/method-signature.ts';
import {
  DEFAULT_SIGNATURE,
  signatureView,
  sizeMismatch,
  type SignatureView,
} from '../protocol/tensorflow-serving/named-signatures.ts';
import { scalarsAsRows, type ScalarRows } from '../protocol/tensorflow-serving/scalars.ts';
import { bare, datatypeWord, inItsWords, noVersions, servableNotFound } from '../protocol/tensorflow-serving/words.ts';
import type { VersionEntry } from '../models/snapshot.ts';
import type { GrpcDeps } from './deps.ts';
import { STATUS, StatusError } from './errors.ts';
import { withHeadroom } from './framing.ts';
import { announcePrediction } from './prediction.ts';
import type { CallContext, Method } from './method.ts';

type Services = Readonly<Record<string, Readonly<Record<string, Method>>>>;

export function tensorflowServingServices(deps: GrpcDeps): Services {
  const read = (answer: (message: Buffer) => readonly Buffer[]): Method => ({
    scope: 'read',
    answer: { unary: (message) => join(answer(message)) },
  });
  const predicts = (unary: (message: Buffer, call: CallContext) => Promise<readonly Buffer[]>): Method => ({
    scope: 'predict',
    answer: { unary: async (message, call) => join(await unary(message, call)) },
  });
  return {
    'tensorflow.serving.PredictionService': {
      Predict: predicts((message, call) => predict(deps, message, call)),
      Classify: predicts((message, call) => answerExamples(deps, 'classify', message, call)),
      Regress: predicts((message, call) => answerExamples(deps, 'regress', message, call)),
      MultiInference: predicts((message, call) => answerTasks(deps, message, call)),
      GetModelMetadata: read((message) => metadata(deps, message)),
    },
    'tensorflow.serving.ModelService': {
      GetModelStatus: read((message) => status(deps, message)),
      HandleReloadConfigRequest: {
        scope: 'admin',
        answer: { unary: (message) => reload(deps, message) },
      },
    },
  };
}

function join(fields: readonly Buffer[]): Buffer {
  return withHeadroom(Buffer.concat(fields));
}

async function predict(deps: GrpcDeps, message: Buffer, call: CallContext): Promise<readonly Buffer[]> {
  const { spec, inputs, outputFilter } = decodePredictRequest(message);
  const { signatureName } = spec;
  let view: SignatureView | undefined;
  let scalars: ScalarRows | undefined;
  const prediction = await answer(deps, spec, call, (known) => {
    view = signatureView(known, signatureName);
    if (view === undefined) {
      const cause = new ServeryError('INVALID_REQUEST', `Serving signature key ${quote(signatureName)} not found.`);
      throw new StatusError(STATUS.FAILED_PRECONDITION, cause.message, cause);
    }
    const { signature, complete } = view;
    const names = signature.inputs.map(({ name }) => name);
    if (inputs.length !== names.length) throw new ServeryError('INVALID_INPUT', sizeMismatch(names, inputs));
    checkFilter(signature, outputFilter);
    checkDatatypes(signature, inputs);
    scalars = scalarsAsRows(signature, inputs);
    return complete(scalars.tensors);
  });
  const outputs = scalars!.restore(view!.pick(prediction.outputs));
  const named = view!.signature.outputs.map(({ name }, i) => ({ name, tensor: outputs[i]! }));
  const wanted = outputFilter.length === 0 ? named : named.filter(({ name }) => outputFilter.includes(name));
  return encodePredictResponse(prediction.model, view!.name, wanted);
}

function checkFilter({ outputs }: Signature, outputFilter: readonly string[]): void {
  for (const [i, wanted] of outputFilter.entries()) {
    if (!outputs.some(({ name }) => name === wanted)) {
      const known = outputs
        .map(({ name }) => name)
        .sort()
        .join(',');
      const problem = `output tensor alias not found in signature: ${bare(wanted)}`;
      throw new ServeryError('INVALID_REQUEST', `${problem} Outputs expected to be in the set {${known}}.`);
    }
    if (outputFilter.indexOf(wanted) !== i) {
      throw new ServeryError('INVALID_REQUEST', `duplicate output tensor alias: ${bare(wanted)}`);
    }
  }
}

function checkDatatypes({ inputs }: Signature, sent: readonly NamedTensor[]): void {
  for (const [i, { name, datatype }] of inputs.entries()) {
    const given = sent.find((tensor) => tensor.name === name)?.datatype ?? datatype;
    if (given === datatype) continue;
    const problem = `Expects arg[${i}] to be ${datatypeWord(datatype)} but ${datatypeWord(given)} is provided`;
    throw new ServeryError('INVALID_INPUT', problem);
  }
}

async function answerExamples(
  deps: GrpcDeps,
  method: ExampleMethod,
  message: Buffer,
  call: CallContext,
): Promise<readonly Buffer[]> {
  const { spec, examples } = decodeExampleListRequest(message);
  return encodeExamplesResponse(await answerTask(deps, spec, method, examples, call));
}

async function answerTask(
  deps: GrpcDeps,
  spec: ModelSpec,
  method: ExampleMethod,
  examples: readonly Example[],
  call: CallContext,
  notFound?: (name: string) => ServeryError,
): Promise<ExamplesAnswer> {
  let asked: ReturnType<typeof outputOf> | undefined;
  const { model, outputs } = await answer(deps, spec, call, (known) => {
    asked = outputOf(known, method, spec.signatureName, notFound);
    return exampleTensors(asked.view, examples, DEFAULT_DECODE_LIMITS);
  });
  const { view, output } = asked!;
  const signatureName = spec.signatureName === '' ? DEFAULT_SIGNATURE : spec.signatureName;
  const own = view.pick(outputs);
  return method === 'classify'
    ? { model, signatureName, classes: classesOf(view.signature, own, output) }
    : { model, signatureName, values: valuesOf(own, output) };
}

/** One input, several signatures of one model. All of them are looked at before any is run. */
async function answerTasks(deps: GrpcDeps, message: Buffer, call: CallContext): Promise<readonly Buffer[]> {
  const { tasks, examples } = decodeMultiInferenceRequest(message);
  const asked = tasks.map(({ spec, method }, i) => {
    if (spec.name === '') throw new ServeryError('INVALID_REQUEST', 'Found ModelSpec with an empty model name.');
    if (spec.name !== tasks[0]!.spec.name) {
      const problem = 'All ModelSpecs in a MultiInferenceRequest must access the same model name.';
      throw new ServeryError('INVALID_REQUEST', problem);
    }
    const signatureName = spec.signatureName === '' ? DEFAULT_SIGNATURE : spec.signatureName;
    if (tasks.findIndex((task) => (task.spec.signatureName || DEFAULT_SIGNATURE) === signatureName) !== i) {
      throw new ServeryError('INVALID_REQUEST', `Duplicate evaluation of signature: ${bare(signatureName)}`);
    }
    if (method === 'tensorflow/serving/classify') return { spec, method: 'classify' as const };
    if (method === 'tensorflow/serving/regress') return { spec, method: 'regress' as const };
    throw new ServeryError('UNSUPPORTED', `Unsupported signature method_name: ${bare(method)}`);
  });
  if (asked.length === 0) throw new ServeryError('INVALID_REQUEST', 'Inference request needs at least one task');
  if (examples.length === 0) throw new ServeryError('INVALID_REQUEST', 'Input is empty');
  const notFound = (name: string) =>
    new ServeryError('INVALID_REQUEST', `Requested signature not found in model graph: ${bare(name)}`);
  const answers = asked.map(({ spec, method }) => answerTask(deps, spec, method, examples, call, notFound));
  return encodeMultiInferenceResponse(await Promise.all(answers));
}

interface Answer {
  readonly model: ModelVersion;
  readonly signature: Signature;
  readonly outputs: readonly Tensor[];
}

async function answer(
  deps: GrpcDeps,
  spec: ModelSpec,
  call: CallContext,
  decode: (signature: Signature) => readonly NamedTensor[],
): Promise<Answer> {
  const startedAt = systemClock.now();
  try {
    const ref = refOf(spec);
    const { deadline, signal } = call;
    const bind = (signature: Signature, version: ModelVersion) => {
      call.model = version;
      return decode(signature);
    };
    const prediction = await deps.predict(ref, bind, { deadline, signal }).catch((error: unknown) => {
      throw inItsWords(error, ref);
    });
    announcePrediction(call.model, prediction.rows, startedAt, 'OK');
    return prediction;
  } catch (error) {
    announcePrediction(call.model, 0, startedAt, error instanceof ServeryError ? error.code : 'INTERNAL');
    throw error;
  }
}

function refOf(spec: ModelSpec, notFound: typeof noVersions = servableNotFound): ModelRef {
  const { name, version, label } = spec;
  if (spec === NO_SPEC) throw new ServeryError('INVALID_REQUEST', 'Missing ModelSpec');
  if (name === '' && notFound === servableNotFound) {
    throw new ServeryError('INVALID_REQUEST', 'ModelSpec has no name specified.');
  }
  const ref = { name, ...(label !== undefined && { alias: label }) };
  if (!isModelName(name)) throw notFound(ref);
  return version === undefined ? ref : { name, version: Number(version) };
}

function metadata({ models }: GrpcDeps, message: Buffer): readonly Buffer[] {
  const { spec, fields } = decodeModelQuestion(message);
  if (fields.length === 0) {
    throw new ServeryError('INVALID_REQUEST', 'GetModelMetadataRequest must specify at least one metadata_field');
  }
  const other = fields.find((field) => field !== 'signature_def');
  if (other !== undefined) throw new ServeryError('INVALID_REQUEST', `Metadata field ${bare(other)} is not supported`);
  const { model, signature } = inWords(spec, (ref) => models.describe(ref));
  return encodeMetadataResponse(model, signature);
}

function status({ models }: GrpcDeps, message: Buffer): readonly Buffer[] {
  const { spec } = decodeModelQuestion(message);
  const answer = (ref: ModelRef): readonly Buffer[] => {
    const { versions } = models.entry(ref.name);
    const wanted = ref.alias === undefined ? ref.version : models.describe(ref).model.version;
    const found = versions.filter(({ version }) => wanted === undefined || version === wanted);
    if (found.length === 0) throw noVersions(ref);
    return encodeStatusResponse(
      found.map(({ version, state, reason, key }) => {
        if (key !== undefined) return { version, state: 'AVAILABLE', problem: '' };
        return { version, state: state === 'loading' ? 'LOADING' : 'END', problem: reason };
      }),
    );
  };
  return inWords(spec, answer, noVersions);
}

function inWords<Result>(
  spec: ModelSpec,
  find: (ref: ModelRef) => Result,
  notFound: typeof noVersions = servableNotFound,
): Result {
  const ref = refOf(spec, notFound);
  try {
    return find(ref);
  } catch (error) {
    throw inItsWords(error, ref, notFound);
  }
}

/** The list is all that is wanted: what it leaves out is unloaded. All of it is checked before anything is changed. */
async function reload({ models, control }: GrpcDeps, message: Buffer): Promise<Buffer> {
  const wanted = decodeReloadRequest(message);
  if (wanted === undefined) {
    const expected = 'Only ModelConfigList is currently supported';
    throw new ServeryError(
      'INVALID_REQUEST',
      `ServerModelConfig type not supported by HandleReloadConfigRequest. ${expected}`,
    );
  }
  // What the list leaves out is unloaded: nobody knows yet what that would be.
  if (!models.snapshot.complete) throw notThereYet('The workspace is not loaded');
  const known = models.snapshot.models.map(({ name }) => name);
  checkReload(wanted, known);
  for (const model of wanted) if (hasLive(models, model.name)) checkVersions(models, model);
  for (const model of wanted) {
    await control.load(model.name);
    checkVersions(models, model);
  }
  for (const { name, labels } of wanted) {
    for (const [label, version] of Object.entries(labels)) await control.setAlias(name, label, version);
  }
  for (const name of known) if (!wanted.some((model) => model.name === name)) await control.unload(name);
  return join([]);
}

function checkReload(wanted: readonly ReloadedModel[], known: readonly string[]): void {
  const names = new Set<string>();
  for (const { name } of wanted) {
    if (names.has(name)) {
      throw new ServeryError('INVALID_REQUEST', `Illegal to list model ${bare(name)} multiple times in config list`);
    }
    names.add(name);
    if (!known.includes(name)) {
      throw new ServeryError('MODEL_NOT_FOUND', `Cannot load model ${quote(name)}: the workspace has no such model`, {
        hint: 'Put its versions into `models/NAME/`: a base_path in a request is not read.',
      });
    }
  }
}

function hasLive(models: GrpcDeps['models'], name: string): boolean {
  return models.entry(name).versions.some(({ key }) => key !== undefined);
}

function checkVersions(models: GrpcDeps['models'], model: ReloadedModel): void {
  const { versions } = models.entry(model.name);
  checkLabels(model, versions);
  if (model.policy !== undefined) checkPolicy(model.name, model.policy, versions);
}

function checkLabels({ name, labels }: ReloadedModel, versions: readonly VersionEntry[]): void {
  for (const wanted of Object.values(labels)) {
    if (versions.some(({ version, key }) => version === wanted && key !== undefined)) continue;
    const what = `Request to assign label to version ${wanted} of model ${bare(name)}`;
    const cause = new ServeryError('CONFLICT', `${what}, which is not currently available for inference`);
    throw new StatusError(STATUS.FAILED_PRECONDITION, cause.message, cause);
  }
}

/** A policy in a request may say again what `model.yaml` says, and nothing else. */
function checkPolicy(name: string, policy: VersionPolicy, versions: readonly VersionEntry[]): void {
  const stored = versions.map(({ version }) => version).toSorted((a, b) => a - b);
  const wanted = policy === 'all' ? stored : 'latest' in policy ? stored.slice(-policy.latest) : policy;
  const live = versions.filter(({ key }) => key !== undefined).map(({ version }) => version);
  if (wanted.length === live.length && wanted.every((version) => live.includes(version))) return;
  const problem = `Cannot change the version policy of model ${quote(name)} in a reload: its versions ${live.join(', ')} are loaded`;
  throw new ServeryError('UNSUPPORTED', problem, {
    hint: 'Write `versions` into its `model.yaml`: it is read again within a second.',
  });
}
