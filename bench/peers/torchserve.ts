/** TorchServe with one worker and batches of up to 64 requests that wait at most 2 ms for each other. */
import { execFile } from 'node:child_process';
import { cp, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freePorts } from './start.ts';
import { MAX_BATCH_ROWS, pythonModule, pythonOf, type Command, type Launch } from './peer.ts';

export async function prepareTorchserve(launch: Launch): Promise<Command> {
  const { scratch, code, model, environment } = launch;
  const archive = `${model.name}.mar`;
  await mkdir(join(scratch, 'store'));
  await cp(join(code, 'handler.py'), join(scratch, 'handler.py'));
  const files = ['--handler', 'handler.py', '--export-path', 'store'];
  const archiver = ['-m', 'model_archiver.model_packaging', '--model-name', model.name, '--version', '1.0', ...files];
  await promisify(execFile)(pythonOf(launch), archiver, { cwd: scratch });
  const [management, grpcManagement] = await freePorts();
  const settings = {
    inference_address: `http://127.0.0.1:${launch.port}`,
    management_address: `http://127.0.0.1:${management}`,
    metrics_address: `http://127.0.0.1:${launch.metricsPort}`,
    grpc_inference_port: launch.grpcPort,
    grpc_management_port: grpcManagement,
    disable_token_authorization: true,
    enable_metrics_api: false,
    enable_envvars_config: false,
    default_workers_per_model: 1,
    job_queue_size: 1000,
    models: JSON.stringify({ [model.name]: { '1.0': { ...VERSION, marName: archive } } }),
  };
  const lines = Object.entries(settings).map(([name, value]) => `${name}=${value}\n`);
  await writeFile(join(scratch, 'config.properties'), lines.join(''));
  await writeFile(join(scratch, 'log4j2.xml'), LOG);
  const configured = ['--ts-config', 'config.properties', '--log-config', join(scratch, 'log4j2.xml')];
  const models = ['--model-store', 'store', '--models', `${model.name}=${archive}`];
  const args = ['--foreground', '--disable-token-auth', ...models, ...configured];
  const env = {
    PATH: `${join(environment, 'bin')}:${process.env['PATH']}`,
    TS_DISABLE_TELEMETRY: '1',
    LOG_LOCATION: scratch,
    METRICS_LOCATION: scratch,
  };
  return { ...(await pythonModule(launch, 'ts.model_server', args)), env, cwd: scratch };
}

const VERSION = {
  defaultVersion: true,
  minWorkers: 1,
  maxWorkers: 1,
  batchSize: MAX_BATCH_ROWS,
  maxBatchDelay: 2,
  responseTimeout: 60,
};

const LOG =
  '<Configuration><Appenders><Console name="c"/></Appenders>' +
  '<Loggers><Root level="warn"><AppenderRef ref="c"/></Root></Loggers></Configuration>\n';
