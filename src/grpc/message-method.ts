/** Unary methods whose messages the generated code reads and writes: everything but predictions. Loaded late. */
import {
  create,
  fromBinary,
  toBinary,
  type DescMessage,
  type MessageInitShape,
  type MessageShape,
} from '@bufbuild/protobuf';
import { malformed } from '../protocol/open-inference-grpc/wire.ts';
import { withHeadroom } from './framing.ts';
import type { CallContext, Unary } from './method.ts';

export function messageMethod<Request extends DescMessage, Response extends DescMessage>(
  { input, output }: { readonly input: Request; readonly output: Response },
  answer: (
    request: MessageShape<Request>,
    call: CallContext,
  ) => MessageInitShape<Response> | Promise<MessageInitShape<Response>>,
): Unary {
  return { unary: async (bytes, call) => encode(output, await answer(decode(input, bytes), call)) };
}

export function decode<Desc extends DescMessage>(schema: Desc, bytes: Uint8Array): MessageShape<Desc> {
  try {
    return fromBinary(schema, bytes, { readUnknownFields: false });
  } catch {
    throw malformed(`it is not a ${schema.typeName}`);
  }
}

/** With room for the prefix. */
export function encode<Desc extends DescMessage>(schema: Desc, message: MessageInitShape<Desc>): Buffer {
  return withHeadroom(toBinary(schema, create(schema, message)));
}
