/** Whether an answer has the values that ONNX Runtime gives, whatever form it has. */
import type { BenchDoor } from './doors.ts';

const TOLERANCE = 1e-6;

/** @throws {Error} when a value is not in the answer */
export function requireValues({ title, values: form }: BenchDoor, answer: Buffer, wanted: readonly number[]): void {
  const numbers = form === 'json' ? inText(answer.toString()) : inBytes(answer, form);
  const lacking = wanted.filter((value) => !numbers.some((number) => Math.abs(number - value) <= TOLERANCE));
  if (lacking.length > 0) throw new Error(`${title}: no ${lacking.join(', ')} in ${answer.toString('latin1')}`);
}

function inText(text: string): readonly number[] {
  return Array.from(text.matchAll(/-?\d+(?:\.\d+)?(?:e[+-]?\d+)?/gi), ([number]) => Number(number));
}

/** What the bytes are as numbers, wherever one may begin. */
function inBytes(answer: Buffer, form: 'floats' | 'doubles'): readonly number[] {
  const width = form === 'floats' ? 4 : 8;
  const places = Array.from({ length: Math.max(0, answer.length - width + 1) }, (_, at) => at);
  return places.map((at) => (form === 'floats' ? answer.readFloatLE(at) : answer.readDoubleLE(at)));
}
