/** What the right answers are: ONNX Runtime, called here. */
import { rowOf, type BenchModel } from '../online/cases.ts';

/** As the Open Inference Protocol writes it. */
export interface Reference {
  readonly model_name: string;
  readonly model_version: string;
  readonly outputs: readonly {
    readonly name: string;
    readonly datatype: string;
    readonly shape: readonly number[];
    readonly data: readonly number[];
  }[];
}

/** By the name of the model. */
export type References = ReadonlyMap<string, Reference>;

export async function referencesFor(models: readonly BenchModel[]): Promise<References> {
  const answers = new Map<string, Reference>();
  for (const model of models) answers.set(model.name, await predict(model));
  return answers;
}

/** What answers are compared by: the values of the last output. */
export function wantedOf(references: References, model: BenchModel): readonly number[] {
  return references.get(model.name)!.outputs.at(-1)!.data;
}

async function predict(model: BenchModel): Promise<Reference> {
  delete (globalThis as { Float16Array?: unknown }).Float16Array;
  const { InferenceSession, Tensor } = await import('onnxruntime-node');
  const session = await InferenceSession.create(`${model.folder}/1/model.onnx`, { intraOpNumThreads: 1 });
  const row = new Tensor('float32', Float32Array.from(rowOf(model)), [1, ...model.shape]);
  const results = await session.run({ [model.input]: row });
  const outputs = model.outputs.map(({ name, datatype }) => {
    const { data, dims } = results[name]!;
    return { name, datatype, shape: [...dims], data: Array.from(data as Float32Array, Number) };
  });
  await session.release();
  return { model_name: model.name, model_version: '1', outputs };
}
