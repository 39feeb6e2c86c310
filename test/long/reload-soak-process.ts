/** Loads and unloads the model `large` again and again, asks it in between, and prints the resident memory each time. */
import { openModels, predict, takeAsItIs } from '../support/model-workspace.ts';

const [modelsFolder = '', stateFolder = '', reloads = '', placement = ''] = process.argv.slice(2);

await using server = await openModels(modelsFolder, stateFolder, {
  probe: async (request) => ({ ...(await takeAsItIs(request)), inline: placement === 'inline' && request.allowInline }),
});
await server.models.start();
for (let i = 0; i < Number(reloads); i += 1) {
  const x = { name: 'x', datatype: 'FP32', shape: [1, 1024], data: new Float32Array(1024) } as const;
  for (const front of server.fronts) await predict(front, 'large', [x]);
  console.log(process.memoryUsage.rss());
  await server.models.unload('large');
  await server.models.load('large');
}
