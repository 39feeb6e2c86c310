/** What a case says: its figure, and how slow the slowest answers are. */
import { lineOf, type Line, type Repetition } from '../table.ts';
import { goalAgainst, type ArenaCase } from './cases.ts';
import type { Contender } from './contender.ts';
import type { Figures } from './measure.ts';

export function linesOf(
  one: ArenaCase,
  { name, title }: Pick<Contender, 'name' | 'title'>,
  measured: readonly Repetition<Figures>[],
): readonly Line[] {
  const plain = { against: title, errors: ({ errors }: Figures) => errors };
  const held = { ...plain, goal: goalAgainst(one, name)?.goal };
  const first =
    one.figure === 'p50'
      ? lineOf(`${one.name}: p50 ms`, measured, ({ p50Ms }) => p50Ms, held)
      : lineOf(`${one.name}: requests/s`, measured, ({ requestsPerSecond }) => requestsPerSecond, held);
  if (one.protocol === 'grpc') return [first];
  // Under many connections the slowest answers count as much as the rate does.
  const p99 = one.connections === 256 && name === 'triton' ? { ...plain, goal: { atMost: 1 } } : plain;
  return [first, lineOf(`${one.name}: p99 ms`, measured, ({ p99Ms }) => p99Ms!, p99)];
}
