/** Requests without a pause over some connections, with the time that each took: to see what a swap costs them. */
import { Agent, request } from 'node:http';

export interface Answer {
  /** Instants of `performance.now()`. */
  readonly sentAt: number;
  readonly endedAt: number;
  readonly status: number;
  /** The version that answered; empty when none did. */
  readonly version: string;
}

export interface Load {
  /** Everything answered so far, in the order of the ends. */
  readonly answers: readonly Answer[];
  stop(): Promise<void>;
}

/**
 * @param url of an `/infer` route
 * @param pauseMs of each connection after an answer: 0 asks as fast as it can
 */
export function startLoad(url: string, body: string, connections: number, pauseMs: number): Load {
  const answers: Answer[] = [];
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  let isOver = false;
  const ask = () =>
    new Promise<void>((resolve, reject) => {
      const sentAt = performance.now();
      const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
      const sent = request(url, { method: 'POST', agent, headers }, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
        response.on('end', () => {
          const version = /"model_version":"(\d+)"/.exec(text)?.[1] ?? '';
          answers.push({ sentAt, endedAt: performance.now(), status: response.statusCode ?? 0, version });
          resolve();
        });
      });
      sent.on('error', reject);
      sent.end(body);
    });
  const callers = Array.from({ length: connections }, async () => {
    while (!isOver) {
      await ask();
      if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  });
  return {
    answers,
    async stop() {
      isOver = true;
      await Promise.all(callers);
      agent.destroy();
    },
  };
}

export function percentile(times: readonly number[], share: number): number {
  const sorted = times.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? NaN;
}

export const took = ({ sentAt, endedAt }: Answer): number => endedAt - sentAt;
