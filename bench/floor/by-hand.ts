/**
 * What one writes by hand in an hour: `node:http` and the public interface of ONNX Runtime, a run for each request.
 * No checks, no batches, one model.
 *
 * Arguments: model file, input name, port.
 */
import { createServer, type ServerResponse } from 'node:http';

delete (globalThis as { Float16Array?: unknown }).Float16Array;
const { InferenceSession, Tensor } = await import('onnxruntime-node');

const [file = '', input = '', port = '0'] = process.argv.slice(2);
const session = await InferenceSession.create(file, { intraOpNumThreads: 1 });
const TYPES: Readonly<Record<string, string>> = { float32: 'FP32', int64: 'INT64' };

interface InferBody {
  readonly inputs: readonly { readonly shape: readonly number[]; readonly data: readonly number[] }[];
}

const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    answer(JSON.parse(Buffer.concat(chunks).toString()) as InferBody, response).catch((error: unknown) => {
      response.writeHead(500).end(String(error));
    });
  });
});

async function answer({ inputs: [first] }: InferBody, response: ServerResponse): Promise<void> {
  const { shape, data } = first!;
  const results = await session.run({ [input]: new Tensor('float32', Float32Array.from(data), shape) });
  const outputs = session.outputNames.map((name) => {
    const { type, dims, data: values } = results[name]!;
    return { name, datatype: TYPES[type], shape: dims, data: Array.from(values as Float32Array, Number) };
  });
  const text = JSON.stringify({ model_name: 'model', model_version: '1', outputs });
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) });
  response.end(text);
}

server.listen(Number(port), '127.0.0.1');
