/** Two million floats in one request: what the server adds to a model that does next to nothing with them. */
import { availableParallelism } from 'node:os';
import { figureOf, type Figure } from '../figures.ts';
import { load } from '../load/plan.ts';
import { measureEngine, startServery } from '../processes.ts';
import { median } from '../table.ts';
import type { Effort } from './against-floor.ts';
import { binaryBody, jsonBody, modelOf, type Body } from './cases.ts';
import { makeWorkspace } from './workspace.ts';

const NAME = 'mean, 2,000,000 floats in a request';
/** Few requests fit into a second. */
const SECONDS = 4;

export async function measureLarge({ repetitions }: Effort): Promise<readonly Figure[]> {
  const model = modelOf('mean');
  const { folder, input, shape } = model;
  await using workspace = await makeWorkspace([model.name]);
  await using servery = await startServery(workspace.folder);
  const measureModel = async () => {
    const [alone] = await measureEngine(`${folder}/1/model.onnx`, input, shape, [1], availableParallelism(), 1);
    return alone!.p50Ms;
  };
  const measureOurs = async ({ headers, bytes }: Body) => {
    const report = await load({
      target: servery,
      path: `/v2/models/${model.name}/infer`,
      headers,
      bodyBase64: Buffer.from(bytes).toString('base64'),
      connections: 1,
      warmUpSeconds: 1,
      seconds: SECONDS,
    });
    if (report.errors > 0) throw new Error(`${NAME}: ${report.errors} requests failed`);
    return report.latencyMs.p50;
  };
  const added = async (body: Body) => {
    const measured: number[] = [];
    for (let i = 0; i < repetitions; i += 1) measured.push((await measureOurs(body)) - (await measureModel()));
    return median(measured);
  };
  // As many digits as a measured value has.
  const row = Array.from({ length: shape[0]! }, (_, i) => ((i * 2654435761) % 1e7) / 1e7);
  return [
    figureOf(`${NAME}, binary: added ms`, await added(binaryBody(model, 1, row)), 40),
    figureOf(`${NAME}, JSON: added ms`, await added(jsonBody(model, 1, row)), 250),
  ];
}
