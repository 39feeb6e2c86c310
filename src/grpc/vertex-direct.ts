/**
 * Vertex AI's direct predictions: tensors in, tensors out, one by one or as they come; and calls that are passed on
 * to the service of the model's server that they name.
 */
import { chunkBody } from '../core/chunk.ts';
import { bodyInput, readAnswers } from '../core/handler-envelope.ts';
import type { Signature } from '../core/signature.ts';
import type { NamedTensor, Tensor } from '../core/tensor.ts';
import { findRawMethod } from '../protocol/vertex/raw-method.ts';
import { bindInputs, readTensorParameters, type RawTensor } from '../protocol/vertex/tensors.ts';
import {
  decodeDirectCall,
  decodeDirectRawCall,
  encodeDirectAnswer,
  encodeDirectRawAnswer,
} from '../protocol/vertex/tensor-messages.ts';
import type { Prediction } from '../serving/predict.ts';
import type { GrpcDeps } from './deps.ts';
import { withHeadroom } from './framing.ts';
import { messageCaller } from './message-caller.ts';
import type { CallContext, Method, StreamedRequest } from './method.ts';
import { predictFor, streamFor } from './prediction.ts';
import { ask, orCount, type Asked } from './vertex-call.ts';

/** @param methodAt every method of the port, by its path */
export function directMethods(
  deps: GrpcDeps,
  methodAt: (path: string) => Method | undefined,
): Readonly<Record<string, Method>> {
  const single = (message: Buffer, call: CallContext) => predict(deps, readCall(deps, message), call);
  const raw = (message: Buffer, call: CallContext) => passOn(deps, methodAt, decodeDirectRawCall(message), call);
  /** The endpoint, and the method, stand in the first message; what is left out later is as it was. */
  const each = (answer: (call: RawOrTensors, context: CallContext) => AsyncIterable<Buffer>): Method => ({
    scope: 'predict',
    answer: {
      async *streaming(requests: AsyncIterable<StreamedRequest>, call: CallContext) {
        let endpoint = '';
        let methodName = '';
        for await (using request of requests) {
          const read: RawOrTensors = { message: request.bytes, endpoint, methodName };
          yield* answer(read, call);
          ({ endpoint, methodName } = read);
        }
      },
    },
  });
  const tensors = (isWhole: boolean) =>
    each(async function* (read, call) {
      const direct = readCall(deps, read.message, read.endpoint);
      read.endpoint = direct.endpoint;
      if (isWhole || !direct.streams) yield await predict(deps, direct, call);
      else yield* chunksOf(deps, direct, call);
    });
  const raws = each(async function* (read, call) {
    const given = decodeDirectRawCall(read.message);
    read.endpoint = given.endpoint || read.endpoint;
    read.methodName = given.methodName || read.methodName;
    yield await passOn(deps, methodAt, { ...read, input: given.input }, call);
  });
  return {
    DirectPredict: { scope: 'predict', answer: { unary: single } },
    DirectRawPredict: { scope: 'predict', answer: { unary: raw } },
    StreamDirectPredict: tensors(true),
    StreamDirectRawPredict: raws,
    StreamingPredict: tensors(false),
    StreamingRawPredict: raws,
    ServerStreamingPredict: tensors(false),
  };
}

interface RawOrTensors {
  readonly message: Buffer;
  endpoint: string;
  methodName: string;
}

interface DirectAsked extends Asked {
  readonly endpoint: string;
  readonly inputs: readonly RawTensor[];
  readonly parameters: ReturnType<typeof readTensorParameters>;
}

function readCall(deps: GrpcDeps, message: Buffer, before = ''): DirectAsked {
  return orCount(() => {
    const { endpoint: given, inputs, parameters } = decodeDirectCall(message);
    const endpoint = given || before;
    return { ...ask(deps, endpoint), endpoint, inputs, parameters: readTensorParameters(parameters) };
  });
}

function predict(deps: GrpcDeps, asked: DirectAsked, call: CallContext): Promise<Buffer> {
  let isNamed = false;
  const decode = (signature: Signature): readonly NamedTensor[] => {
    const bound = bindInputs(asked.inputs, signature);
    isNamed = bound.isNamed;
    return bound.tensors;
  };
  const encode = ({ signature, outputs }: Prediction) => {
    const names = isNamed ? signature.outputs.map(({ name }) => name) : undefined;
    return withHeadroom(encodeDirectAnswer(asked.isRoute ? [answersOf(outputs)] : outputs, names));
  };
  return predictFor(call, deps.predict, () => asked.deployed.model, decode, encode, asked.parameters);
}

/** What a handler with a route of its own answers to bodies, as texts. */
function answersOf(outputs: readonly Tensor[]): Tensor {
  const answers = readAnswers(outputs);
  return { datatype: 'BYTES', shape: [answers.length], data: answers };
}

async function* chunksOf(deps: GrpcDeps, asked: DirectAsked, call: CallContext): AsyncGenerator<Buffer> {
  const decode = (signature: Signature) => {
    const { tensors } = bindInputs(asked.inputs, signature);
    return asked.isRoute ? bodyInput(signature, tensors[0]!.data as readonly string[]) : tensors;
  };
  const chunks = streamFor(call, deps.stream, asked.deployed.model, decode, asked.parameters);
  try {
    let next = await chunks.next();
    for (; next.done !== true; next = await chunks.next()) {
      const tensor: Tensor = { datatype: 'BYTES', shape: [1], data: [chunkBody(next.value)] };
      yield withHeadroom(encodeDirectAnswer([tensor], undefined));
    }
    readAnswers(next.value);
  } finally {
    await chunks.return([]);
  }
}

/** The endpoint has to be one; which model answers is said in the message that is passed on. */
async function passOn(
  deps: GrpcDeps,
  methodAt: (path: string) => Method | undefined,
  { endpoint, methodName, input }: { readonly endpoint: string; readonly methodName: string; readonly input: Buffer },
  call: CallContext,
): Promise<Buffer> {
  ask(deps, endpoint);
  const answer = await findRawMethod((path) => messageCaller(methodAt(path)), methodName)(input, call);
  return withHeadroom(encodeDirectRawAnswer(answer));
}
