/** A method called from within, without the transport: Vertex AI's raw direct predictions name one, over gRPC and REST. */
import { PREFIX_BYTES } from './framing.ts';
import type { CallContext, Method } from './method.ts';

export type MessageCaller = (message: Buffer, call: CallContext) => Promise<Buffer>;

/** @returns undefined unless it predicts, with one message for one */
export function messageCaller(method: Method | undefined): MessageCaller | undefined {
  if (method?.scope !== 'predict' || !('unary' in method.answer)) return undefined;
  const { unary } = method.answer;
  return async (message, call) => (await unary(message, call)).subarray(PREFIX_BYTES);
}
