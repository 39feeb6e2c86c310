/**
 * The floor of batch work: rows out of a Parquet file by DuckDB, through ONNX Runtime, into a Parquet file by DuckDB,
 * written straight, with nothing checked and nothing kept for a crash.
 *
 * Argument: a `FloorTask` as JSON. Prints one JSON line: { rows, seconds }.
 */
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads';
import { ARRAY, BIGINT, DuckDBDataChunk, DuckDBInstance, FLOAT, type DuckDBType } from '@duckdb/node-api';
import type { InferenceSession as Session } from 'onnxruntime-node';

export interface FloorTask {
  readonly file: string;
  readonly model: string;
  readonly input: string;
  readonly features: readonly string[];
  readonly outputs: readonly { readonly name: string; readonly type: 'BIGINT' | 'FLOAT'; readonly width: number }[];
  readonly output: string;
  /** In another thread than reading and writing, two batches ahead; else one thing after the other. */
  readonly overlapped: boolean;
  /** Chunks of DuckDB that make a batch. */
  readonly chunksPerBatch: number;
}

delete (globalThis as { Float16Array?: unknown }).Float16Array;
const { InferenceSession, Tensor } = await import('onnxruntime-node');

type Outputs = readonly (Float32Array | BigInt64Array)[];
const options = { intraOpNumThreads: 1, interOpNumThreads: 1, graphOptimizationLevel: 'all' } as const;

if (isMainThread) await main(JSON.parse(process.argv[2]!) as FloorTask);
else await serve(workerData as FloorTask);

async function serve(task: FloorTask): Promise<void> {
  const session = await InferenceSession.create(task.model, options);
  parentPort!.on('message', ({ data, rows }: { data: Float32Array; rows: number }) => {
    void run(session, task, data, rows).then((outputs) => {
      parentPort!.postMessage(
        outputs,
        outputs.map(({ buffer }) => buffer as ArrayBuffer),
      );
    });
  });
  parentPort!.postMessage('ready');
}

async function run(session: Session, task: FloorTask, data: Float32Array, rows: number): Promise<Outputs> {
  const results = await session.run({ [task.input]: new Tensor('float32', data, [rows, task.features.length]) });
  return task.outputs.map(({ name }) => results[name]!.data.slice() as Float32Array);
}

async function main(task: FloorTask): Promise<void> {
  const { features, outputs } = task;
  const width = features.length;
  const predict = task.overlapped ? await inThread(task) : await here(task);

  const began = performance.now();
  const instance = await DuckDBInstance.create(':memory:', { threads: '2', autoinstall_known_extensions: 'false' });
  const [reading, writing] = [await instance.connect(), await instance.connect()];
  const types = [BIGINT, ...outputs.map(({ type, width: n }) => columnType(type, n))];
  const names = ['id BIGINT', ...outputs.map(({ name, type, width: n }) => `${name} ${type}${n > 1 ? `[${n}]` : ''}`)];
  await writing.run(`CREATE TABLE scores (${names.join(', ')})`);
  const appender = await writing.createAppender('scores');

  const write = (ids: BigInt64Array, values: Outputs) => {
    for (let from = 0; from < ids.length; from += 2048) {
      const to = Math.min(ids.length, from + 2048);
      const chunk = DuckDBDataChunk.create(types, to - from);
      put(chunk, 0, ids.subarray(from, to));
      outputs.forEach(({ width: n }, i) => put(chunk, i + 1, values[i]!.subarray(from * n, to * n)));
      appender.appendDataChunk(chunk);
    }
  };

  const stream = await reading.stream(`SELECT id, ${features.join(', ')} FROM read_parquet('${task.file}')`);
  let rows = 0;
  const underWay: { ids: BigInt64Array; values: Promise<Outputs> }[] = [];
  for (let isOver = false; !isOver;) {
    const chunks = [];
    while (chunks.length < task.chunksPerBatch) {
      const chunk = await stream.fetchChunk();
      if (chunk === null || chunk.rowCount === 0) {
        isOver = true;
        break;
      }
      chunks.push(chunk);
    }
    const count = chunks.reduce((sum, chunk) => sum + chunk.rowCount, 0);
    if (count > 0) {
      const data = new Float32Array(new SharedArrayBuffer(count * width * 4));
      const ids = new BigInt64Array(count);
      let first = 0;
      for (const chunk of chunks) {
        ids.set(itemsOf(chunk, 0) as BigInt64Array, first);
        for (let j = 0; j < width; j += 1) {
          const items = itemsOf(chunk, j + 1) as Float64Array;
          for (let i = 0, at = first * width + j; i < items.length; i += 1, at += width) data[at] = items[i]!;
        }
        first += chunk.rowCount;
      }
      rows += count;
      underWay.push({ ids, values: predict(data, count) });
    }
    while (underWay.length > (isOver ? 0 : task.overlapped ? 2 : 0)) {
      const { ids, values } = underWay.shift()!;
      write(ids, await values);
    }
  }
  appender.closeSync();
  await writing.run(`COPY scores TO '${task.output}' (FORMAT parquet)`);
  process.stdout.write(`${JSON.stringify({ rows, seconds: (performance.now() - began) / 1000 })}\n`);
  process.exit();
}

type Predict = (data: Float32Array, rows: number) => Promise<Outputs>;

async function here(task: FloorTask): Promise<Predict> {
  const session = await InferenceSession.create(task.model, options);
  return (data, rows) => run(session, task, data, rows);
}

async function inThread(task: FloorTask): Promise<Predict> {
  const worker = new Worker(new URL(import.meta.url), { workerData: task });
  await new Promise((resolve) => worker.once('message', resolve));
  const waiting: ((outputs: Outputs) => void)[] = [];
  worker.on('message', (outputs: Outputs) => waiting.shift()!(outputs));
  return (data, rows) => {
    worker.postMessage({ data, rows });
    return new Promise((resolve) => waiting.push(resolve));
  };
}

function columnType(type: 'BIGINT' | 'FLOAT', width: number): DuckDBType {
  const item = type === 'BIGINT' ? BIGINT : FLOAT;
  return width > 1 ? ARRAY(item, width) : item;
}

interface Vector {
  readonly items?: Float32Array | Float64Array | BigInt64Array;
  readonly childData?: Vector;
  flush(): void;
}

function itemsOf(chunk: DuckDBDataChunk, column: number): NonNullable<Vector['items']> {
  return (chunk.getColumnVector(column) as unknown as Vector).items!;
}

function put(chunk: DuckDBDataChunk, column: number, values: Float32Array | BigInt64Array): void {
  const vector = chunk.getColumnVector(column) as unknown as Vector;
  (vector.items ?? vector.childData!.items!).set(values as never);
  vector.flush();
}
