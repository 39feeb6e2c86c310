/** Answers where there is no request to answer: what came could not be read as one, or did not come in time. */
import type { Duplex } from 'node:stream';

/** Kinds of failure of Node's HTTP parser that are worth telling apart: status, reason phrase, text. */
const KINDS: Readonly<Record<string, readonly [number, string, string]>> = {
  HPE_HEADER_OVERFLOW: [431, 'Request Header Fields Too Large', 'its head exceeds the limit `http.maxHeaderBytes`'],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: [413, 'Payload Too Large', 'its chunk extensions are too large'],
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'Request Timeout', 'it did not come in time'],
};
const MALFORMED = [400, 'Bad Request', 'it is not valid HTTP'] as const;

export function answerUnreadable(error: NodeJS.ErrnoException, socket: Duplex): void {
  const [status, reason, problem] = KINDS[error.code ?? ''] ?? MALFORMED;
  endWith(socket, status, reason, 'INVALID_REQUEST', `Cannot read the request: ${problem}`);
}

/** `CONNECT` makes this server no proxy. */
export function refuseTunnel(socket: Duplex): void {
  endWith(socket, 405, 'Method Not Allowed', 'METHOD_NOT_ALLOWED', 'Method Not Allowed');
}

function endWith(socket: Duplex, status: number, reason: string, code: string, error: string): void {
  const body = JSON.stringify({ error, code, hint: 'Send a request as RFC 9112 describes it, without long pauses.' });
  const head = `HTTP/1.1 ${status} ${reason}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n`;
  socket.end(`${head}Connection: close\r\n\r\n${body}`, () => socket.destroy());
}
