/** MLServer with adaptive batching: up to 64 rows that wait at most 2 ms for each other. */
import { cp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MAX_BATCH_ROWS, pythonOf, type Command, type Launch } from './peer.ts';

/** Inference in the process of the server: with a worker process of its own it is slower here. */
export async function prepareMlserver(launch: Launch): Promise<Command> {
  const { scratch, code, model } = launch;
  const settings = {
    host: '127.0.0.1',
    http_port: launch.port,
    grpc_port: launch.grpcPort,
    metrics_port: launch.metricsPort,
    parallel_workers: 0,
    debug: false,
  };
  const modelSettings = {
    name: model.name,
    implementation: 'onnx_runtime.OnnxRuntime',
    max_batch_size: MAX_BATCH_ROWS,
    max_batch_time: 0.002,
  };
  await writeFile(join(scratch, 'settings.json'), JSON.stringify(settings));
  await writeFile(join(scratch, 'model-settings.json'), JSON.stringify(modelSettings));
  await cp(join(code, 'onnx_runtime.py'), join(scratch, 'onnx_runtime.py'));
  const start = 'from mlserver.cli import main; main()';
  return { program: pythonOf(launch), args: ['-c', start, 'start', '.'], cwd: scratch };
}
