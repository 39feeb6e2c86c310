/**
 * `fetch` for a server that speaks HTTPS with a certificate of its owner's making: it is known by that certificate,
 * which lies in its `server.json`, and by nothing else. The platform's `fetch` cannot be told so.
 */
import { request } from 'node:https';
import { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';

/** Takes what this program asks with: an address, headers as an object, a body that is text or bytes. */
export function pinnedFetch(certificate: string): typeof fetch {
  // The name of the certificate is not that of the address; nobody else can have the key of this one.
  const tls = { ca: certificate, checkServerIdentity: () => undefined, allowPartialTrustChain: true, agent: false };
  return (address, { method = 'GET', headers, body, signal } = {}) => {
    const { promise, resolve, reject } = Promise.withResolvers<Response>();
    const options = { ...tls, method, headers: headers as Record<string, string>, ...(signal && { signal }) };
    const sent = request(String(address as string | URL), options);
    sent.once('error', (cause) => {
      reject(signal?.aborted === true ? (signal.reason as Error) : new TypeError('fetch failed', { cause }));
    });
    sent.once('response', (answer) => {
      const { statusCode: status = 0 } = answer;
      const isEmpty = status === 204 || status === 304;
      if (isEmpty) answer.resume();
      const stream = isEmpty ? null : (Readable.toWeb(answer) as ReadableStream<Uint8Array>);
      resolve(
        new Response(stream as ConstructorParameters<typeof Response>[0], {
          status,
          headers: answer.headers as Record<string, string>,
        }),
      );
    });
    sent.end(body);
    return promise;
  };
}
