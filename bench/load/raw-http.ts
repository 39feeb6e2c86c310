/**
 * A keep-alive HTTP/1.1 connection that sends prepared bytes and only finds the ends of answers.
 *
 * The load generator shares the cores with the server, so every microsecond that it spends on parsing is
 * taken from what is measured.
 */
import { connect, type Socket } from 'node:net';

const HEAD_END = Buffer.from('\r\n\r\n');

export interface Answer {
  readonly status: number;
  readonly bytes: number;
}

export class RawConnection {
  readonly #socket: Socket;
  readonly #onAnswer: (answer: Answer) => void;
  readonly #onError: (error: Error) => void;
  #pending: Buffer | undefined;

  constructor(
    { host, port }: { host: string; port: number },
    onAnswer: (answer: Answer) => void,
    onError: (error: Error) => void,
  ) {
    this.#onAnswer = onAnswer;
    this.#onError = onError;
    this.#socket = connect({ host, port, noDelay: true });
    this.#socket.on('data', (chunk) => this.#read(chunk));
    this.#socket.on('error', (error) => this.#onError(error));
    this.#socket.on('close', () => this.#onError(new Error('the server closed the connection')));
  }

  send(request: Buffer): void {
    this.#socket.write(request);
  }

  close(): void {
    this.#socket.removeAllListeners('close');
    this.#socket.destroy();
  }

  #read(chunk: Buffer): void {
    let data = this.#pending === undefined ? chunk : Buffer.concat([this.#pending, chunk]);
    for (;;) {
      const end = data.indexOf(HEAD_END);
      if (end < 0) break;
      const head = data.toString('latin1', 0, end);
      const length = Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? 0);
      const total = end + HEAD_END.length + length;
      if (data.length < total) break;
      this.#onAnswer({ status: Number(head.slice(9, 12)), bytes: total });
      data = data.subarray(total);
    }
    this.#pending = data.length === 0 ? undefined : data;
  }
}

/** The bytes of a POST; the same for every send. */
export function postBytes(
  { host, port }: { host: string; port: number },
  path: string,
  headers: Readonly<Record<string, string>>,
  body: Uint8Array,
): Buffer {
  const lines = [
    `POST ${path} HTTP/1.1`,
    `Host: ${host}:${port}`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    `Content-Length: ${body.byteLength}`,
  ];
  return Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`), body]);
}
