/** Vertex AI's direct predictions as JSON: tensors in, tensors out, at once or as they come. */
import { chunkBody } from '../../core/chunk.ts';
import { ServeryError } from '../../core/errors.ts';
import { readAnswers } from '../../core/handler-envelope.ts';
import type { ModelRef } from '../../core/model.ts';
import type { Signature } from '../../core/signature.ts';
import type { Tensor } from '../../core/tensor.ts';
import { decodeText, isJsonObject, parseJson } from '../../protocol/json.ts';
import { bindInputs, jsonTensor, readJsonTensor, readTensorParameters } from '../../protocol/vertex/tensors.ts';
import { sendChunks, type ChunkForm } from '../chunks.ts';
import type { HttpDeps } from '../deps.ts';
import type { Exchange } from '../exchange.ts';
import { predictFor, streamFor } from '../prediction.ts';
import { listOfMessages } from './vertex-predict.ts';

/** @returns answers a request: as a list of messages where `isStream`, which a handler that streams fills one by one */
export function directPredictor({ predict, stream, models }: HttpDeps) {
  return async (exchange: Exchange, ref: ModelRef, isStream: boolean): Promise<void> => {
    const { inputs, parameters } = readBody(exchange.body);
    const { route, streams } = models.describe(ref);
    let isNamed = false;
    const decode = (signature: Signature) => {
      const bound = bindInputs(inputs, signature);
      isNamed = bound.isNamed;
      return bound.tensors;
    };
    if (isStream && streams === true) {
      const chunks = streamFor(exchange, stream, ref, decode, { parameters });
      return sendChunks(exchange, chunks, tensorChunks(), (outputs) => void readAnswers(outputs));
    }
    const { signature, outputs } = await predictFor(exchange, predict, ref, decode, { parameters });
    const tensors = (route === undefined ? outputs : [textsOf(readAnswers(outputs))]).map(jsonTensor);
    const names = signature.outputs.map(({ name }, i) => [name, tensors[i]] as const);
    const answer = JSON.stringify({ outputs: isNamed ? [{ structVal: Object.fromEntries(names) }] : tensors });
    exchange.json(isStream ? `[${answer}]` : answer);
  };
}

function textsOf(data: readonly (string | Uint8Array)[]): Tensor {
  return { datatype: 'BYTES', shape: [data.length], data };
}

function tensorChunks(): ChunkForm {
  return listOfMessages((chunk) => JSON.stringify({ outputs: [jsonTensor(textsOf([chunkBody(chunk)]))] }), 'outputs');
}

function readBody(body: Uint8Array) {
  const document = parseJson(body.length === 0 ? '{}' : decodeText(body));
  const { inputs = [], parameters } = isJsonObject(document) ? document : {};
  if (!Array.isArray(inputs)) {
    throw new ServeryError(
      'INVALID_REQUEST',
      'Invalid JSON payload received. Expecting "inputs" to be a list of tensors.',
    );
  }
  return {
    inputs: inputs.map((input: unknown, i) => readJsonTensor(input, `inputs[${i}]`)),
    parameters: readTensorParameters(parameters === undefined ? undefined : readJsonTensor(parameters, 'parameters')),
  };
}
