/**
 * Gives a slow version a session for each front end.
 *
 * With one, every batch waits for that of the other front ends, and a run on several threads waits at each of its
 * operators for the thread that had to share its core. With several there is always another batch to go on with.
 */
import { openRunner } from '../runtime/open-runner.ts';
import type { LoadedModel } from '../runtime/runtime.ts';
import type { ProbeRequest, ProbeResult } from './load-version.ts';
import { pickRows } from './probe-rows.ts';

/** Waiting for a shorter run costs less than a thread. */
const WORTHWHILE_MS = 1;

/** @returns what was done, a line for people; none when nothing was */
export async function copySessions(
  model: LoadedModel,
  { candidates, signature }: Pick<ProbeRequest, 'candidates' | 'signature'>,
  { inline, costs }: Pick<ProbeResult, 'inline' | 'costs'>,
  wanted: number,
): Promise<readonly string[]> {
  const slowest = costs.at(-1);
  if (inline || wanted < 2 || model.multiply === undefined) return [];
  if (slowest === undefined || slowest.runMs <= WORTHWHILE_MS) return [];
  let copies: number;
  try {
    copies = await model.multiply(wanted);
  } catch {
    return ['sessions: 1, as no second one could be opened'];
  }
  if (copies === 1) return ['sessions: 1, as it is too large for several'];
  await using runner = await openRunner(model.connect());
  for (const { tensors, rows: given } of candidates) {
    const rows = signature.batched ? 1 : given;
    const inputs = signature.batched ? pickRows(tensors, [0]) : tensors;
    // At the same time, so that each copy has one: the first is slower.
    const first = Array.from({ length: copies }, () => runner.run([inputs], { rows }));
    if ((await Promise.allSettled(first)).every(({ status }) => status === 'fulfilled')) break;
  }
  return [`sessions: ${copies}, for as many front ends`];
}
