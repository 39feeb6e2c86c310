/**
 * A handler's module as something that can be run: its definition is checked once, when the thread starts.
 *
 * Both forms end as one: tensors in, tensors out. What is wrong with a definition is said in the words
 * of the definition, since the person who reads it wrote that file.
 */
import type { Chunk } from '../../core/chunk.ts';
import { ServeryError, quote } from '../../core/errors.ts';
import { encodeEnvelope } from '../../core/handler-envelope.ts';
import type { Signature, TensorSpec } from '../../core/signature.ts';
import { isDatatype, type BytesElement, type Tensor } from '../../core/tensor.ts';
import { HANDLER, type HandlerContext, type SetupContext } from '../define-handler.ts';
import type { HandlerRoute } from '../runtime.ts';
import { writeExplanation, type Explain } from './explanations.ts';
import { readChunks, together } from './chunks.ts';
import type { HandlerDescription } from './messages.ts';
import { readRoute } from './read-route.ts';
import { kindOf, readRows, writeRows, type InputColumn } from './rows.ts';

export interface ReadHandler {
  readonly description: HandlerDescription;
  readonly setup: (context: SetupContext) => unknown;
  readonly run: Run;
  /** Of a handler that streams: the answer to one row. */
  readonly stream: Stream | undefined;
  /** Of a handler that explains: an envelope for each row. */
  readonly explain: Run | undefined;
}

/** Chunks; then the outputs, which are empty unless the row was refused. */
export type StreamedRun = AsyncGenerator<Chunk, readonly Tensor[]>;

type Stream = (tensors: readonly Tensor[], context: HandlerContext<unknown>) => StreamedRun;

export type Run = (
  tensors: readonly Tensor[],
  rows: number,
  context: HandlerContext<unknown>,
) => Promise<readonly Tensor[]>;

/** One of the two forms of a definition, read. */
export interface ReadForm {
  readonly signature: Signature;
  readonly route?: HandlerRoute;
  readonly run: Run;
  readonly stream?: Stream;
  readonly explain: Run | undefined;
}

/** What a definition does with what it is sent: all rows at once, or one of them bit by bit. */
export type Work =
  | { readonly predict: (rows: readonly unknown[], context: HandlerContext<unknown>) => unknown }
  | { readonly stream: (row: unknown, context: HandlerContext<unknown>) => unknown };

const KEYS = ['signature', 'setup', 'predict', 'stream', 'explain', 'batching', 'route', 'body', 'response'];

/** @throws {ServeryError} `MODEL_INVALID`, saying what is wrong with the definition */
export async function readHandler(module: Readonly<Record<string, unknown>>): Promise<ReadHandler> {
  const definition = module.default;
  if (typeof definition !== 'object' || definition === null || !(HANDLER in definition)) {
    throw invalidHandler(
      'it has no default export made by defineHandler()',
      'Write `export default defineHandler({ … })`.',
    );
  }
  const { signature, setup, predict, stream, explain, batching, route } = definition as Record<string, unknown>;
  for (const key of Object.keys(definition)) {
    if (!KEYS.includes(key)) {
      throw invalidHandler(`${quote(key)} is not a key of a handler; these are: ${KEYS.join(', ')}`);
    }
  }
  const work = readWork(predict, stream);
  if (setup !== undefined && typeof setup !== 'function') {
    throw invalidHandler(`setup is ${kindOf(setup)}, expected a function`);
  }
  if (explain !== undefined && typeof explain !== 'function') {
    throw invalidHandler(`explain is ${kindOf(explain)}, expected a function`);
  }
  const streams = 'stream' in work;
  if (batching !== undefined && typeof batching !== 'boolean') {
    throw invalidHandler(`batching is ${kindOf(batching)}, expected true or false`);
  }
  if (streams && batching === true) throw invalidHandler('batching cannot be true: a stream answers one row');
  if ((signature === undefined) === (route === undefined)) {
    throw invalidHandler('it needs either a signature, or a route with a body schema');
  }
  const form =
    route === undefined
      ? readTensorForm(signature, work, explain as Explain)
      : await readRoute(definition, work, explain as Explain);
  const explains = form.explain !== undefined;
  return {
    description: { signature: form.signature, route: form.route, batching: batching ?? !streams, streams, explains },
    setup: (context) => (setup as ((context: SetupContext) => unknown) | undefined)?.(context),
    run: form.run,
    stream: form.stream,
    explain: form.explain,
  };
}

function readWork(predict: unknown, stream: unknown): Work {
  if (stream === undefined) {
    if (typeof predict !== 'function') throw invalidHandler(`predict is ${kindOf(predict)}, expected a function`);
    return { predict: predict as Extract<Work, { predict: unknown }>['predict'] };
  }
  if (typeof stream !== 'function') throw invalidHandler(`stream is ${kindOf(stream)}, expected a function`);
  if (predict !== undefined) {
    throw invalidHandler('it has both predict and stream: an answer comes at once, or bit by bit');
  }
  return { stream: stream as Extract<Work, { stream: unknown }>['stream'] };
}

function readTensorForm(definition: unknown, work: Work, explain: Explain): ReadForm {
  const { inputs, outputs } = sidesOf(definition);
  const columns = Object.entries(inputs).map(([name, spec]) => readInput(name, spec));
  const specs = Object.entries(outputs).map(([name, spec]) => readOutput(name, spec));
  const signature = { inputs: columns.map(({ spec }) => spec), outputs: specs, batched: true };
  const explainRows: Run | undefined =
    explain &&
    (async (tensors, rows, context) => {
      const explanations = asList(await explain(readRows(columns, tensors, rows), context), 'explain');
      const data = explanations.map((value, i) => encodeEnvelope({ ok: writeExplanation(value, i) }));
      return [{ datatype: 'BYTES', shape: [data.length], data }];
    });
  if ('stream' in work) return { signature, explain: explainRows, ...streamForm(columns, specs, work.stream) };
  return {
    signature,
    explain: explainRows,
    run: async (tensors, rows, context) => {
      const results = await work.predict(readRows(columns, tensors, rows), context);
      return writeRows(specs, asList(results));
    },
  };
}

/** Whoever does not ask for chunks gets them together, as the one output of the row. */
function streamForm(
  columns: readonly InputColumn[],
  outputs: readonly TensorSpec[],
  stream: Extract<Work, { stream: unknown }>['stream'],
): Required<Pick<ReadForm, 'run' | 'stream'>> {
  const [output] = outputs;
  if (output?.datatype !== 'BYTES' || output.shape.length > 1 || outputs.length > 1) {
    throw invalidHandler("signature.outputs of a handler that streams has one entry: 'BYTES', for its chunks together");
  }
  return {
    run: async (tensors, rows, context) => {
      const data: BytesElement[] = [];
      for (const row of readRows(columns, tensors, rows)) data.push(await together(readChunks(stream(row, context))));
      return [{ datatype: 'BYTES', shape: [rows], data }];
    },
    async *stream(tensors, context) {
      yield* readChunks(stream(readRows(columns, tensors, 1)[0], context));
      return [];
    },
  };
}

/** @throws {ServeryError} `HANDLER_FAILED` */
export function asList(results: unknown, method = 'predict'): readonly unknown[] {
  if (Array.isArray(results)) return results;
  throw new ServeryError(
    'HANDLER_FAILED',
    `The handler gave a wrong result: expected a list of rows, got ${kindOf(results)}`,
    {
      hint: `\`${method}\` takes a list of rows and returns a list of as many.`,
    },
  );
}

function sidesOf(signature: unknown): { inputs: Record<string, unknown>; outputs: Record<string, unknown> } {
  const side = (name: 'inputs' | 'outputs') => {
    const value = (signature as Record<string, unknown> | null)?.[name];
    if (typeof value !== 'object' || value === null || Array.isArray(value) || Object.keys(value).length === 0) {
      throw invalidHandler(`signature.${name} has to be an object with at least one entry`);
    }
    return value as Record<string, unknown>;
  };
  return { inputs: side('inputs'), outputs: side('outputs') };
}

function readInput(name: string, given: unknown): InputColumn {
  const where = `input ${quote(name)}`;
  const { as, features, missing, ...spec } = readSpec(where, name, given, ['as', 'features', 'missing']);
  const isBytes = spec.datatype === 'BYTES';
  if (as !== undefined && (as !== 'bytes' || !isBytes)) {
    throw invalidHandler(`${where}: as can only be 'bytes', for BYTES`);
  }
  if (missing !== undefined && (missing !== 'nan' || !spec.datatype.startsWith('FP'))) {
    throw invalidHandler(`${where}: missing can only be 'nan', for floating point`);
  }
  if (features !== undefined) checkNames(`${where}: features`, features, spec.shape);
  return {
    spec: {
      ...spec,
      ...(isBytes && as === undefined && { text: true }),
      ...(features !== undefined && { features: features as string[] }),
      ...(missing !== undefined && { missing: 'nan' as const }),
    },
    as: as === 'bytes' ? 'bytes' : 'text',
  };
}

function readOutput(name: string, given: unknown): TensorSpec {
  const where = `output ${quote(name)}`;
  const { labels, ...spec } = readSpec(where, name, given, ['labels']);
  if (labels === undefined) return spec;
  checkNames(`${where}: labels`, labels, spec.shape);
  return { ...spec, labels: labels as string[] };
}

type ReadSpec = Pick<TensorSpec, 'name' | 'datatype' | 'shape'> & Readonly<Record<string, unknown>>;

function readSpec(where: string, name: string, given: unknown, more: readonly string[]): ReadSpec {
  // A row is an object, and in an object this is no key.
  if (name === '' || name === '__proto__') throw invalidHandler(`${where}: the name cannot be used`);
  const options =
    typeof given === 'object' && given !== null ? (given as Record<string, unknown>) : { datatype: given };
  for (const key of Object.keys(options)) {
    if (!['datatype', 'shape', ...more].includes(key)) {
      throw invalidHandler(`${where}: ${quote(key)} is not a key of it`);
    }
  }
  const { datatype, shape = [], ...rest } = options;
  if (!isDatatype(datatype)) {
    const got = typeof datatype === 'string' ? quote(datatype) : kindOf(datatype);
    throw invalidHandler(`${where}: expected a datatype such as 'FP32' or 'BYTES', got ${got}`);
  }
  if (!Array.isArray(shape) || !shape.every((size) => size === null || (Number.isInteger(size) && size >= 0))) {
    throw invalidHandler(`${where}: shape has to be a list of sizes (null for any), of one row`);
  }
  return { ...rest, name, datatype, shape: [null, ...(shape as (number | null)[])] };
}

function checkNames(where: string, names: unknown, [, ...inner]: readonly (number | null)[]): void {
  if (!Array.isArray(names) || names.length === 0 || !names.every((name) => typeof name === 'string' && name !== '')) {
    throw invalidHandler(`${where} has to be a list of names`);
  }
  if (inner.length > 1) throw invalidHandler(`${where}: only a row of at most one axis has them`);
  if (inner.length === 1 && inner[0] !== null && inner[0] !== names.length) {
    throw invalidHandler(`${where}: there are ${names.length} names for ${inner[0]} values`);
  }
}

const FORM =
  'A handler is `defineHandler({ signature, predict })`, or `defineHandler({ route, body, predict })`; `stream` may stand for `predict`.';

export function invalidHandler(problem: string, hint = FORM): ServeryError {
  return new ServeryError('MODEL_INVALID', problem, { hint });
}
