/** Asks for one prediction and compares its values with what ONNX Runtime gives, whatever form the answer has. */
import type { BenchModel } from '../online/cases.ts';
import type { Contender } from './contender.ts';
import { wantedOf, type References } from './reference.ts';

const TOLERANCE = 1e-4;
const ANSWER_LIMIT_MS = 20_000;

type Asked = Pick<Contender, 'path' | 'body'>;

async function ask(asked: Asked, model: BenchModel, port: number): Promise<unknown> {
  const { headers, bytes } = asked.body(model);
  const response = await fetch(`http://127.0.0.1:${port}${asked.path(model.name)}`, {
    method: 'POST',
    headers,
    body: Buffer.from(bytes),
    signal: AbortSignal.timeout(ANSWER_LIMIT_MS),
  });
  if (!response.ok) throw new Error(`status ${response.status}: ${(await response.text()).slice(0, 200)}`);
  return response.json();
}

/** @throws {Error} while there is no answer, or another one than expected */
export async function checkAnswer(
  asked: Asked,
  model: BenchModel,
  port: number,
  references: References,
): Promise<void> {
  const output = model.outputs.at(-1)!.name;
  const answer = await ask(asked, model, port);
  compare(valuesOf(answer, output), wantedOf(references, model));
}

export function compare(values: readonly number[], wanted: readonly number[]): void {
  const isRight =
    values.length === wanted.length && values.every((value, i) => Math.abs(value - wanted[i]!) <= TOLERANCE);
  if (!isRight) throw new Error(`answers ${values.slice(0, 4).join(', ')} and not ${wanted.slice(0, 4).join(', ')}`);
}

/** The values of an output in the Open Inference Protocol, MLflow's form, an object of arrays, or an array alone. */
export function valuesOf(answer: unknown, output: string): number[] {
  if (Array.isArray(answer)) return answer.flat(Infinity) as number[];
  const fields = answer as Readonly<Record<string, unknown>>;
  if (Array.isArray(fields['outputs'])) {
    const outputs = fields['outputs'] as readonly { readonly name: string; readonly data: number[] }[];
    return outputs.find(({ name }) => name === output)?.data ?? [];
  }
  if (fields['predictions'] !== undefined) return valuesOf(fields['predictions'], output);
  return [fields[output]].flat(Infinity) as number[];
}
