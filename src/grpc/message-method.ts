/** Unary methods whose messages the generated code reads and writes: everything but predictions. */
import {
  create,
  fromBinary,
  toBinary,
  type DescMessage,
  type MessageInitShape,
  type MessageShape,
} from '@bufbuild/protobuf';
import type { Scope } from '../core/api-keys.ts';
import { malformed } from '../protocol/open-inference-grpc/wire.ts';
import { withHeadroom } from './framing.ts';
import type { CallContext, Method } from './method.ts';

export function messageMethod<Request extends DescMessage, Response extends DescMessage>(
  { input, output }: { readonly input: Request; readonly output: Response },
  scope: Scope,
  answer: (
    request: MessageShape<Request>,
    call: CallContext,
  ) => MessageInitShape<Response> | Promise<MessageInitShape<Response>>,
): Method {
  return {
    scope,
    whileDraining: scope === 'none',
    answer: {
      unary: async (bytes, call) => encode(output, await answer(decode(input, bytes), call)),
    },
  };
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
