/** grpc-js with the generated messages: the client that most of Node.js uses, without a .proto file at run time. */
import {
  fromBinary,
  toBinary,
  create,
  type DescMethod,
  type MessageInitShape,
  type MessageShape,
} from '@bufbuild/protobuf';
import {
  Client,
  Metadata,
  credentials,
  type CallOptions,
  type ClientDuplexStream,
  type ClientReadableStream,
  type ServiceError,
} from '@grpc/grpc-js';

type Ask<M extends DescMethod> = MessageInitShape<M['input']>;
type Answer<M extends DescMethod> = MessageShape<M['output']>;
type Read<M extends DescMethod> = Answer<M>;

const pathOf = ({ parent, name }: DescMethod): string => `/${parent.typeName}/${name}`;

export class GrpcClient implements Disposable {
  readonly #client: Client;

  constructor(port: number, options: Record<string, unknown> = {}) {
    this.#client = new Client(`127.0.0.1:${port}`, credentials.createInsecure(), {
      // Each its own connection, so that tests do not disturb each other.
      'grpc.use_local_subchannel_pool': 1,
      ...options,
    });
  }

  /** @throws the ServiceError */
  unary<M extends DescMethod>(
    method: M,
    request: Ask<M>,
    { metadata = {}, ...options }: CallOptions & { metadata?: Record<string, string> } = {},
  ): Promise<Answer<M>> {
    return this.start(method, request, { metadata, ...options }).answer;
  }

  start<M extends DescMethod>(
    method: M,
    request: Ask<M>,
    { metadata = {}, ...options }: CallOptions & { metadata?: Record<string, string> } = {},
  ): { readonly answer: Promise<Answer<M>>; cancel(): void } {
    const { promise, resolve, reject } = Promise.withResolvers<Answer<M>>();
    const call = this.#client.makeUnaryRequest<Ask<M>, Answer<M>>(
      pathOf(method),
      (init) => Buffer.from(toBinary(method.input, create(method.input, init))),
      (bytes) => fromBinary(method.output, bytes) as Answer<M>,
      request,
      metadataOf(metadata),
      options,
      (error, answer) => (error === null ? resolve(answer!) : reject(error)),
    );
    promise.catch(() => {});
    return { answer: promise, cancel: () => call.cancel() };
  }

  stream<M extends DescMethod>(method: M, options: CallOptions = {}): ClientDuplexStream<Ask<M>, Read<M>> {
    const stream = this.#client.makeBidiStreamRequest<Ask<M>, Read<M>>(
      pathOf(method),
      (init) => Buffer.from(toBinary(method.input, create(method.input, init))),
      (bytes) => fromBinary(method.output, bytes) as Read<M>,
      new Metadata(),
      options,
    );
    // Whoever asks for the next message hears of an error; nobody else has to.
    return stream.on('error', () => {});
  }

  watch<M extends DescMethod>(method: M, request: Ask<M>): ClientReadableStream<Read<M>> {
    const stream = this.#client.makeServerStreamRequest<Ask<M>, Read<M>>(
      pathOf(method),
      (init) => Buffer.from(toBinary(method.input, create(method.input, init))),
      (bytes) => fromBinary(method.output, bytes) as Read<M>,
      request,
    );
    return stream.on('error', () => {});
  }

  [Symbol.dispose](): void {
    this.#client.close();
  }
}

function metadataOf(entries: Record<string, string>): Metadata {
  const metadata = new Metadata();
  for (const [key, value] of Object.entries(entries)) metadata.set(key, value);
  return metadata;
}

/** The next message of a stream, or the error with which it ends. */
export function next<T>(stream: ClientReadableStream<T> | ClientDuplexStream<unknown, T>): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  const onData = (message: T): void => {
    stream.pause();
    done();
    resolve(message);
  };
  const onError = (error: ServiceError): void => {
    done();
    reject(error);
  };
  const onEnd = (): void => {
    done();
    reject(new Error('The stream ended'));
  };
  const done = (): void => {
    stream.off('data', onData).off('error', onError).off('end', onEnd);
  };
  stream.on('data', onData).on('error', onError).on('end', onEnd);
  stream.resume();
  return promise;
}
