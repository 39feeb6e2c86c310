/** A call of one message and one answer. The hot path of the gRPC door: no step of it waits without need. */
import type { ServerHttp2Stream } from 'node:http2';
import { ServeryError } from '../core/errors.ts';
import type { CallRecord } from './call-record.ts';
import { Call, type CallHost } from './call.ts';
import type { IncomingMessage } from './framing.ts';
import type { Unary } from './method.ts';

export class UnaryCall extends Call {
  protected override readonly mayIdle = false;
  readonly #answer: Unary['unary'];
  #message: IncomingMessage | undefined;

  constructor(stream: ServerHttp2Stream, host: CallHost, record: CallRecord, answer: Unary['unary']) {
    super(stream, host, record);
    this.#answer = answer;
  }

  protected override onMessages([message, second]: readonly IncomingMessage[]): void {
    if (this.#message !== undefined || second !== undefined) {
      throw new ServeryError('INVALID_REQUEST', 'Cannot read the request: it has more than one message');
    }
    this.#message = message;
  }

  protected override onEnd(): void {
    if (this.#message === undefined) {
      throw new ServeryError('INVALID_REQUEST', 'Cannot read the request: it has no message');
    }
    void this.#run(this.#message);
  }

  protected override onOver(): void {
    this.#message = undefined;
  }

  /** It ends by itself. */
  override drain(): void {}

  async #run(message: IncomingMessage): Promise<void> {
    try {
      const unpacked = this.unpack(message);
      const answer = this.#answer(unpacked instanceof Promise ? await unpacked : unpacked, this);
      const packed = this.pack(answer instanceof Promise ? await answer : answer);
      this.finish(packed instanceof Promise ? await packed : packed);
    } catch (error) {
      this.fail(error);
    }
  }
}
