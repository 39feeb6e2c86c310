/** One invocation of a model: the body in its type, the answer in the type that is asked for. */
import type { ModelRef } from '../../core/model.ts';
import {
  chooseAnswer,
  decodeInvocation,
  encodeInvocation,
  INVOCATION_TYPES,
  type Invocation,
} from '../../protocol/sagemaker/invocation.ts';
import type { HttpDeps } from '../deps.ts';
import type { Exchange } from '../exchange.ts';
import { predictFor } from '../prediction.ts';

/** Any type, as it is the model that refuses one, with its own failure. */
export const INVOCATION_BODY = { mediaTypes: INVOCATION_TYPES, anyType: true };

export interface Answer {
  readonly type: string;
  readonly body: string | Uint8Array;
}

export function invoker({ predict, options, protocols }: HttpDeps) {
  const limits = { maxNesting: options.maxNesting, maxElements: options.maxElements };
  const { defaultAccept } = protocols.sagemaker;
  return async (exchange: Exchange, ref: ModelRef): Promise<Answer> => {
    const { accept } = exchange.headers;
    const isOpen = accept === undefined || accept.trim() === '' || accept.trim() === '*/*';
    let invocation: Invocation | undefined;
    let type: Invocation['type'] = 'application/json';
    const answer = await predictFor(exchange, predict, ref, (signature) => {
      invocation = decodeInvocation(exchange.body, exchange.mediaType, signature, limits);
      type = chooseAnswer(isOpen ? defaultAccept : accept, invocation.type);
      return invocation.tensors;
    });
    return { type, body: encodeInvocation(answer, type, invocation!.form) };
  };
}
