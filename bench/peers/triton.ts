/** Triton's own server with a model in Python, which joins the requests that wait. */
import { globSync } from 'node:fs';
import { cp, mkdir, symlink, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { BenchModel } from '../online/cases.ts';
import { MAX_BATCH_ROWS, type Command, type Launch } from './peer.ts';

/** Triton's own binary, out of a package that brings no other backend than that for Python. */
export async function prepareTriton(launch: Launch): Promise<Command> {
  const { environment, code, scratch, model, port, grpcPort, metricsPort } = launch;
  const [packages = ''] = globSync(join(environment, 'lib', 'python3*', 'site-packages'));
  const server = join(packages, 'pytriton', 'tritonserver');
  const [, minor = ''] = /python(3\.\d+)/.exec(packages) ?? [];
  const backend = join(scratch, 'backends', 'python');
  await mkdir(backend, { recursive: true });
  for (const file of globSync(join(server, 'backends', 'python', '*'))) {
    await symlink(file, join(backend, basename(file)));
  }
  const stub = 'triton_python_backend_stub';
  await symlink(join(server, 'python_backend_stubs', minor, stub), join(backend, stub));

  const repository = join(scratch, 'models');
  const version = join(repository, model.name, '1');
  await mkdir(version, { recursive: true });
  await cp(join(code, 'model.py'), join(version, 'model.py'));
  await writeFile(join(repository, model.name, 'config.pbtxt'), tritonConfig(model));
  const flags = {
    'model-repository': repository,
    'backend-directory': join(scratch, 'backends'),
    'http-address': '127.0.0.1',
    'http-port': port,
    'grpc-address': '127.0.0.1',
    'grpc-port': grpcPort,
    'metrics-port': metricsPort,
    'log-info': false,
  };
  return {
    program: join(server, 'bin', 'tritonserver'),
    args: Object.entries(flags).map(([name, value]) => `--${name}=${value}`),
    env: {
      LD_LIBRARY_PATH: join(packages, 'nvidia_pytriton.libs'),
      PEER_PATH: `${packages}:${join(code, '..')}`,
    },
  };
}

/** Batches of what waits, without waiting for more: its own default, and the best for it here. */
function tritonConfig({ name, input, shape, outputs }: BenchModel): string {
  const tensor = (tensorName: string, datatype: string, dims: readonly number[]) =>
    `{ name: "${tensorName}" data_type: TYPE_${datatype} dims: [${dims.join(', ')}] }`;
  return [
    `name: "${name}"`,
    'backend: "python"',
    `max_batch_size: ${MAX_BATCH_ROWS}`,
    `input [${tensor(input, 'FP32', shape)}]`,
    `output [${outputs.map((output) => tensor(output.name, output.datatype, [output.width])).join(', ')}]`,
    'dynamic_batching { max_queue_delay_microseconds: 0 }',
  ].join('\n');
}
