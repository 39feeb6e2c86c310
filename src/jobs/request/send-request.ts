/** One POST to the server of the workspace: the body from a file, the answer into a file, in memory neither. */
import type { FileHandle } from 'node:fs/promises';
import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { request as overHttp, type IncomingMessage } from 'node:http';
import { request as overHttps } from 'node:https';
import { dirname } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { ServeryError } from '../../core/errors.ts';
import { syncFile } from '../../dataset/durable.ts';

export interface Destination {
  /** `http://host:port` or `https://host:port`. */
  readonly url: string;
  /** Of the user who runs it. */
  readonly key: string;
  /** In PEM, where it speaks HTTPS: it is known by this one alone. */
  readonly certificate?: string | undefined;
}

export interface Order {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly input: FileHandle;
  /** Where the answer is written, by its status. */
  readonly draft: (status: number) => string;
}

export interface Answer {
  readonly status: number;
  /** On the disk, whole. */
  readonly draft: string;
}

/** @throws {ServeryError} `SERVER_NOT_RUNNING` when it cannot be reached, or ends in the middle */
export async function sendRequest(server: Destination, order: Order, signal: AbortSignal): Promise<Answer> {
  const { size } = await order.input.stat();
  const headers = { ...order.headers, authorization: `Bearer ${server.key}`, 'content-length': String(size) };
  // The name of the certificate is not that of the address; nobody else can have the key of this one.
  const tls = { ca: server.certificate, checkServerIdentity: () => undefined, allowPartialTrustChain: true };
  const url = new URL(order.path, server.url);
  const options = { method: 'POST', headers, signal, agent: false };
  const sent = url.protocol === 'https:' ? overHttps(url, { ...options, ...tls }) : overHttp(url, options);
  const answered = Promise.withResolvers<IncomingMessage>();
  sent.once('response', answered.resolve).once('error', answered.reject);
  try {
    // The server may answer before it has read everything, and then close the connection.
    const sending = pipeline(order.input.createReadStream({ start: 0, autoClose: false }), sent).catch(() => undefined);
    const answer = await answered.promise;
    const status = answer.statusCode ?? 0;
    const draft = order.draft(status);
    await mkdir(dirname(draft), { recursive: true });
    await pipeline(answer, createWriteStream(draft));
    await syncFile(draft);
    await sending;
    return { status, draft };
  } catch (cause) {
    sent.destroy();
    throw new ServeryError('SERVER_NOT_RUNNING', 'The server cannot be reached, or ended before it answered', {
      cause,
    });
  }
}
