/** ONNX Runtime in a bare loop, from Node.js and from Python: the floors of a model that costs more than its server. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { BenchModel } from '../online/cases.ts';
import { install } from '../peers/install.ts';
import { pythonOf } from '../peers/peer.ts';
import { measureEngine } from '../processes.ts';
import type { Figures } from './measure.ts';

interface Engine {
  readonly title: string;
  measure(): Promise<Figures>;
}

type Measured = Awaited<ReturnType<typeof measureEngine>>;

const SIZES = [8, 32, 128];

export function measureEngines(model: BenchModel, threads: number, seconds: number): readonly Engine[] {
  const { folder, input, shape } = model;
  const file = `${folder}/1/model.onnx`;
  const each = Math.max(0.5, seconds / SIZES.length);
  return [
    {
      title: 'a loop in Node.js',
      measure: async () => best(await measureEngine(file, input, shape, SIZES, threads, each)),
    },
    {
      title: 'a loop in Python',
      measure: async () => {
        const installed = await install('loop');
        if ('reason' in installed) throw new Error(installed.reason);
        const width = shape.reduce((a, b) => a * b, 1);
        const args = [`${installed.code}/engine.py`, String(width), SIZES.join(','), String(each)];
        const python = { PEER_MODEL: file, PEER_THREADS: String(threads), PYTHONPATH: `${installed.code}/..` };
        const { stdout } = await promisify(execFile)(pythonOf(installed), args, { env: { ...process.env, ...python } });
        return best(JSON.parse(stdout) as Measured);
      },
    },
  ];
}

function best(measured: Measured): Figures {
  const { rowsPerSecond, p50Ms } = measured.reduce((a, b) => (b.rowsPerSecond > a.rowsPerSecond ? b : a));
  return { requestsPerSecond: rowsPerSecond, p50Ms, errors: 0 };
}
