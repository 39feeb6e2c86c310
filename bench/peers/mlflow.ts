/** MLflow's `models serve`, and the model in MLflow's own format that it wants. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { pythonModule, pythonOf, type Command, type Launch } from './peer.ts';

/** Saved once, in the environment's folder. */
export async function mlflowModel({
  environment,
  code,
  file,
  model,
  threads,
}: Pick<Launch, 'environment' | 'code' | 'file' | 'threads'> & {
  readonly model: { readonly name: string };
}): Promise<string> {
  const folder = join(environment, 'models', `${model.name}-${threads}`);
  if (!existsSync(join(folder, 'MLmodel'))) {
    await promisify(execFile)(pythonOf({ environment }), [join(code, 'save.py'), file, folder, String(threads)]);
  }
  return folder;
}

export async function prepareMlflow(launch: Launch): Promise<Command> {
  const { environment, port } = launch;
  const folder = await mlflowModel(launch);
  const serve = ['models', 'serve', '-m', folder, '--env-manager', 'local', '--workers', '1'];
  const address = ['--host', '127.0.0.1', '--port', String(port)];
  const env = {
    // It starts its server by name.
    PATH: `${join(environment, 'bin')}:${process.env['PATH']}`,
    MLFLOW_DISABLE_TELEMETRY: 'true',
    UVICORN_ACCESS_LOG: 'false',
  };
  return { ...(await pythonModule(launch, 'mlflow', [...serve, ...address])), env };
}
