/** Vertex AI's direct predictions as JSON: tensors in, tensors out, at once or as they come. */
import { chunkBody } from '../../core/chunk.ts';
import { readAnswers } from '../../core/handler-envelope.ts';
import type { ModelRef } from '../../core/model.ts';
import type { Signature } from '../../core/signature.ts';
import type { Tensor } from '../../core/tensor.ts';
import { readDirectBody, readDirectRawBody } from '../../protocol/vertex/direct-json.ts';
import { findRawMethod } from '../../protocol/vertex/raw-method.ts';
import { bindInputs, jsonTensor } from '../../protocol/vertex/tensors.ts';
import { sendChunks, type ChunkForm } from '../chunks.ts';
import type { HttpDeps, RpcCall } from '../deps.ts';
import type { Exchange } from '../exchange.ts';
import { predictFor, streamFor } from '../prediction.ts';
import { listOfMessages } from './vertex-predict.ts';

/** @returns answers a request: as a list of messages where `isStream`, which a handler that streams fills one by one */
export function directPredictor({ predict, stream, models }: HttpDeps) {
  return async (exchange: Exchange, ref: ModelRef, isStream: boolean): Promise<void> => {
    const { inputs, parameters } = readDirectBody(exchange.body);
    const { route, streams } = models.describe(ref);
    // As Google has it: names, unless the client asks for numbers, which its own ones do.
    const asNumbers = /enum-encoding(=|%3D)int/i.test(exchange.query);
    const written = (tensor: Tensor) => jsonTensor(tensor, asNumbers);
    let isNamed = false;
    const decode = (signature: Signature) => {
      const bound = bindInputs(inputs, signature);
      isNamed = bound.isNamed;
      return bound.tensors;
    };
    if (isStream && streams === true) {
      const chunks = streamFor(exchange, stream, ref, decode, { parameters });
      return sendChunks(exchange, chunks, tensorChunks(written), (outputs) => void readAnswers(outputs));
    }
    const { signature, outputs } = await predictFor(exchange, predict, ref, decode, { parameters });
    const tensors = (route === undefined ? outputs : [textsOf(readAnswers(outputs))]).map(written);
    const names = signature.outputs.map(({ name }, i) => [name, tensors[i]] as const);
    const answer = JSON.stringify({ outputs: isNamed ? [{ structVal: Object.fromEntries(names) }] : tensors });
    exchange.json(isStream ? `[${answer}]` : answer);
  };
}

function textsOf(data: readonly (string | Uint8Array)[]): Tensor {
  return { datatype: 'BYTES', shape: [data.length], data };
}

function tensorChunks(written: (tensor: Tensor) => object): ChunkForm {
  return listOfMessages((chunk) => JSON.stringify({ outputs: [written(textsOf([chunkBody(chunk)]))] }), 'outputs');
}

/** A message for the method that the request names; it says for itself which model is asked. */
export function directRawPredictor({ rpc }: HttpDeps) {
  return async (exchange: Exchange): Promise<void> => {
    const { methodName, input } = readDirectRawBody(exchange.body);
    const method = findRawMethod(rpc, methodName);
    const call: RpcCall = { deadline: exchange.deadline, signal: exchange, model: undefined, metadata: undefined };
    exchange.isCounted = true;
    try {
      const output = await method(input, call);
      exchange.json(JSON.stringify({ output: output.toString('base64') }));
    } finally {
      exchange.model = call.model;
    }
  };
}
