/**
 * The floor of the large models: ONNX Runtime in a bare loop, without a server, for each batch size.
 *
 * Arguments: model file, input name, elements of a row (as a shape), batch sizes, threads, seconds for each.
 * Prints one JSON line.
 */
delete (globalThis as { Float16Array?: unknown }).Float16Array;
const { InferenceSession, Tensor } = await import('onnxruntime-node');

const [file = '', input = '', shapeText = '', sizesText = '', threads = '1', seconds = '1'] = process.argv.slice(2);
const inner = shapeText.split(',').map(Number);
const rowElements = inner.reduce((a, b) => a * b, 1);
const session = await InferenceSession.create(file, { intraOpNumThreads: Number(threads) });

const results: { rows: number; rowsPerSecond: number; p50Ms: number }[] = [];
for (const rows of sizesText.split(',').map(Number)) {
  const data = Float32Array.from({ length: rows * rowElements }, (_, i) => ((i * 2654435761) % 1000) / 1000);
  for (let i = 0; i < 3; i += 1) await session.run({ [input]: new Tensor('float32', data, [rows, ...inner]) });
  const times: number[] = [];
  const start = performance.now();
  while (performance.now() - start < Number(seconds) * 1000) {
    const begin = performance.now();
    await session.run({ [input]: new Tensor('float32', data, [rows, ...inner]) });
    times.push(performance.now() - begin);
  }
  const elapsed = (performance.now() - start) / 1000;
  times.sort((a, b) => a - b);
  results.push({ rows, rowsPerSecond: (times.length * rows) / elapsed, p50Ms: times[times.length >> 1]! });
}
process.stdout.write(`${JSON.stringify(results)}\n`);
