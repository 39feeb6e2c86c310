/** Whoever takes part: Servery, a server of others, or a floor. Each serves one model, from the same file. */
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { BenchModel, Body } from '../online/cases.ts';
import { jsonBody } from '../online/cases.ts';
import { makeWorkspace } from '../online/workspace.ts';
import type { Installed } from '../peers/install.ts';
import type { Peer } from '../peers/peer.ts';
import { start, type Started } from '../peers/start.ts';
import { checkAnswer } from './answer.ts';
import type { References } from './reference.ts';

export interface Contender {
  readonly name: string;
  readonly title: string;
  readonly speaksGrpc: boolean;
  path(model: string): string;
  body(model: BenchModel): Body;
  /** Resolves with its first correct prediction. */
  start(model: BenchModel): Promise<Started>;
}

const ROOT = new URL('../..', import.meta.url).pathname;
const openInference = {
  path: (model: string) => `/v2/models/${model}/infer`,
  body: (model: BenchModel) => jsonBody(model, 1),
};

interface ServeryOptions {
  /** A workspace with the model; otherwise one is made that holds nothing else. */
  readonly folder?: string;
  /** The program in another working tree, which must not set that one up. */
  readonly main?: string;
}

/** The server as a user starts it. */
export function serveryContender(references: References, { folder, main }: ServeryOptions = {}): Contender {
  const self: Contender = {
    name: 'servery',
    title: 'Servery',
    speaksGrpc: true,
    ...openInference,
    async start(model) {
      const workspace = folder === undefined ? await makeWorkspace([model.name]) : { folder };
      const started = await start(
        async ([http, grpc]) => {
          const doors = ['--http', `127.0.0.1:${http}`, '--grpc', `127.0.0.1:${grpc}`];
          const args = ['serve', workspace.folder, ...doors, '--set', 'log.level=warn'];
          if (main === undefined) return { program: `${ROOT}bin/servery`, args };
          return { program: process.execPath, args: ['--conditions=servery-source', main, ...args] };
        },
        (port) => checkAnswer(self, model, port, references),
      );
      const end = async () => {
        await started[Symbol.asyncDispose]();
        if (Symbol.asyncDispose in workspace) await workspace[Symbol.asyncDispose]();
      };
      return { ...started, [Symbol.asyncDispose]: end };
    },
  };
  return self;
}

export function peerContender(
  peer: Peer,
  { environment, code }: Extract<Installed, { environment: string }>,
  references: References,
): Contender {
  return {
    name: peer.name,
    title: peer.title,
    speaksGrpc: peer.speaksGrpc === true,
    path: (model) => peer.path(model),
    body: (model) => peer.body(model),
    start: (model) => {
      const file = join(model.folder, '1', 'model.onnx');
      // A thread for each run where the run is short; else all cores.
      const threads = model.name === 'mlp' ? availableParallelism() : 1;
      const shared = { PEER_MODEL: file, PEER_THREADS: String(threads), PYTHONPATH: join(code, '..') };
      return start(
        async ([port, grpcPort, metricsPort], scratch) => {
          const ports = { port, grpcPort, metricsPort };
          const command = await peer.prepare({ model, file, threads, ...ports, environment, code, scratch });
          return { ...command, env: { ...shared, ...command.env } };
        },
        (port) => checkAnswer(peer, model, port, references),
      );
    },
  };
}

/** The floor of the JSON door: it gives Servery's answer without a model. */
export function echoContender(references: References): Contender {
  const self: Contender = {
    name: 'echo',
    title: 'the echo',
    speaksGrpc: false,
    ...openInference,
    start: (model) =>
      start(
        async ([port]) => ({
          program: process.execPath,
          args: [`${ROOT}bench/floor/echo.ts`, JSON.stringify(references.get(model.name)), String(port)],
        }),
        (port) => checkAnswer(self, model, port, references),
      ),
  };
  return self;
}

/** Node.js and ONNX Runtime with nothing between them. */
export function byHandContender(references: References): Contender {
  const self: Contender = {
    name: 'by-hand',
    title: 'node:http by hand',
    speaksGrpc: false,
    ...openInference,
    start: (model) =>
      start(
        async ([port]) => ({
          program: process.execPath,
          args: [`${ROOT}bench/floor/by-hand.ts`, join(model.folder, '1', 'model.onnx'), model.input, String(port)],
        }),
        (port) => checkAnswer(self, model, port, references),
      ),
  };
  return self;
}
