/** A call of any number of messages and answers. */
import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import type { ServeryError } from '../core/errors.ts';
import type { CallRecord } from './call-record.ts';
import { Call, type CallHost } from './call.ts';
import { PREFIX_BYTES, type IncomingMessage } from './framing.ts';
import type { StreamedRequest, Streaming } from './method.ts';
import { RequestQueue } from './request-queue.ts';

export class StreamingCall extends Call {
  protected override readonly mayIdle = true;
  readonly #requests = new RequestQueue<IncomingMessage>(() => this.resume());

  readonly #answer: Streaming['streaming'];

  constructor(stream: ServerHttp2Stream, host: CallHost, record: CallRecord, answer: Streaming['streaming']) {
    super(stream, host, record);
    this.#answer = answer;
  }

  override start(headers: IncomingHttpHeaders): void {
    super.start(headers);
    if (!this.isOver) void this.#run();
  }

  protected override onMessages(messages: readonly IncomingMessage[]): void {
    for (const message of messages) this.#requests.push(message);
    // Until the method asks for more: what it does not take waits in the network.
    this.pause();
  }

  protected override onEnd(): void {
    this.#requests.end();
  }

  protected override onOver(reason: ServeryError): void {
    this.#requests.end(reason);
  }

  override drain(reason: ServeryError): void {
    this.#requests.end(reason);
  }

  async #run(): Promise<void> {
    try {
      for await (const message of this.#answer(this.#unpacked(), this)) {
        if (this.isOver) return;
        await this.send(await this.pack(message));
      }
      this.finish();
    } catch (error) {
      this.fail(error);
    }
  }

  async *#unpacked(): AsyncGenerator<StreamedRequest, void, undefined> {
    for await (const message of this.#requests) {
      const heldBytes = PREFIX_BYTES + message.bytes.length;
      yield { bytes: await this.unpack(message), [Symbol.dispose]: () => this.release(heldBytes) };
    }
  }
}
