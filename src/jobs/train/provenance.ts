/**
 * A note in each version that a training has published: which run made it, from which data.
 *
 * It is also what makes publishing happen once: an attempt that finds the note of its own run has been here before.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { formatInstant } from '../../core/data-interval.ts';
import type { Json } from '../../core/json.ts';
import type { StepContext } from '../step.ts';
import type { Metrics } from './gate.ts';

const FILE = 'trained-by.json';

export async function writeProvenance(folder: string, context: StepContext): Promise<void> {
  const { job, runId: run, step, interval, params } = context;
  const covered = interval && { start: formatInstant(interval.startMs), end: formatInstant(interval.endMs) };
  const note = { job, run, step, interval: covered ?? null, params };
  await writeFile(join(folder, FILE), `${JSON.stringify(note, null, 2)}\n`);
}

/** Whether a step of this run has published this version. */
export async function isOf(folder: string, { runId, step }: StepContext): Promise<boolean> {
  const note = (await readJson(join(folder, FILE))) as { readonly run?: unknown; readonly step?: unknown } | undefined;
  return note?.run === runId && note.step === step;
}

/** Undefined when there are none, or they cannot be read as an object. */
export async function readMetrics(folder: string): Promise<Metrics | undefined> {
  const value = await readJson(join(folder, 'metrics.json'));
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Metrics) : undefined;
}

async function readJson(path: string): Promise<Json | undefined> {
  const text = await readFile(path, 'utf8').catch(() => undefined);
  try {
    return text === undefined ? undefined : (JSON.parse(text) as Json);
  } catch {
    return undefined;
  }
}
