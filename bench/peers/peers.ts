/**
 * The alternatives, as their own users run them in production: access logs off, batching as each documents it, as
 * many workers as is usual on two cores. The versions are in the requirements.txt of each.
 */
import { join } from 'node:path';
import { jsonBody, rowOf, type BenchModel, type Body } from '../online/cases.ts';
import { prepareMlflow } from './mlflow.ts';
import { prepareMlserver } from './mlserver.ts';
import { pythonModule, pythonOf, type Command, type Launch, type Peer } from './peer.ts';
import { prepareTorchserve } from './torchserve.ts';
import { prepareTriton } from './triton.ts';

const rows = (model: BenchModel): Body => json({ inputs: [rowOf(model)] });
const inferPath = (model: string) => `/v2/models/${model}/infer`;
const openInference = { path: inferPath, body: (model: BenchModel) => jsonBody(model, 1) };
const predict = { path: () => '/predict', body: rows };

export const PEERS: readonly Peer[] = [
  {
    name: 'fastapi',
    title: 'FastAPI',
    folder: 'fastapi',
    ...predict,
    prepare: (launch) => uvicorn(launch, 'app:app', 1),
  },
  {
    name: 'fastapi-tuned',
    title: 'FastAPI, hand-tuned',
    folder: 'fastapi',
    ...predict,
    prepare: (launch) => uvicorn(launch, 'tuned:app', 2),
  },
  {
    name: 'flask',
    title: 'Flask + gunicorn',
    folder: 'flask',
    ...predict,
    prepare: (launch) => {
      const shape = ['-k', 'gthread', '--workers', '2', '--threads', '4', '--log-level', 'warning'];
      return pythonModule(launch, 'gunicorn', [...shape, '-b', `127.0.0.1:${launch.port}`, 'app:app']);
    },
  },
  {
    name: 'bentoml',
    title: 'BentoML',
    folder: 'bentoml',
    ...predict,
    prepare: async (launch) => {
      const address = ['--host', '127.0.0.1', '--port', String(launch.port)];
      const env = { BENTOML_DO_NOT_TRACK: 'True', BENTOML_HOME: launch.scratch };
      return { ...(await pythonModule(launch, 'bentoml', ['serve', 'service:Model', ...address])), env };
    },
  },
  {
    name: 'mlserver',
    title: 'MLServer',
    folder: 'mlserver',
    speaksGrpc: true,
    ...openInference,
    prepare: prepareMlserver,
  },
  { name: 'mlflow', title: 'MLflow', folder: 'mlflow', path: () => '/invocations', body: rows, prepare: prepareMlflow },
  {
    name: 'litserve',
    title: 'LitServe',
    folder: 'litserve',
    path: () => '/predict',
    body: (model) => json({ input: rowOf(model) }),
    prepare: async ({ environment, code, port }) => ({
      program: join(environment, 'bin', 'python'),
      args: [join(code, 'server.py'), String(port)],
    }),
  },
  {
    name: 'triton',
    title: 'Triton',
    folder: 'triton',
    // Its Python backend loads the library of the system's interpreter.
    python: '/usr/bin/python3',
    speaksGrpc: true,
    ...openInference,
    prepare: prepareTriton,
  },
  {
    name: 'ray',
    title: 'Ray Serve',
    folder: 'ray',
    onlyWhenNamed: 'it needs 20 s for each start, 450 MB on disk and 1.5 GB of memory; `--peers ray` asks for it',
    path: () => '/',
    body: rows,
    prepare: async (launch) => ({
      program: pythonOf(launch),
      args: [join(launch.code, 'server.py'), String(launch.port)],
      env: { RAY_USAGE_STATS_ENABLED: '0' },
    }),
  },
  {
    name: 'torchserve',
    title: 'TorchServe',
    folder: 'torchserve',
    onlyWhenNamed: 'it needs Java and 3.4 GB on disk; `--peers torchserve` asks for it',
    path: (model) => `/predictions/${model}`,
    body: rows,
    prepare: prepareTorchserve,
  },
];

function json(value: unknown): Body {
  return { headers: { 'Content-Type': 'application/json' }, bytes: Buffer.from(JSON.stringify(value)) };
}

function uvicorn(launch: Launch, app: string, workers: number): Promise<Command> {
  const address = ['--host', '127.0.0.1', '--port', String(launch.port)];
  const quiet = ['--no-access-log', '--log-level', 'warning'];
  return pythonModule(launch, 'uvicorn', [app, ...address, '--workers', String(workers), ...quiet]);
}
