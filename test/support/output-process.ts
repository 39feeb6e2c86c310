/**
 * A run in a process of its own, for tests that kill it: writes three chunks, remembers each, and makes them visible.
 *
 *   node output-process.ts WORKSPACE OUTPUT_JSON RUN_ID FIRST_ID [HOURS]
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openOutput } from '../../src/dataset/open-output.ts';
import { outputOptions } from '../../src/dataset/options.ts';
import type { StagedChunk } from '../../src/dataset/output.ts';
import { NUMBERED, numbered } from './write-output.ts';

const [workspace = '', output = '', runId = '', first = '0', hours = '1'] = process.argv.slice(2);
const ledger = join(workspace, `${runId}.ledger`);
const staged = readLedger();
const interval = { startMs: 0, endMs: Number(hours) * 3_600_000 };
await using target = await openOutput(outputOptions.parse(JSON.parse(output)), NUMBERED, {
  interval,
  workspace,
  runId,
  step: 'predict',
});
for (let index = 0; index < 3; index += 1) {
  if (staged.some((chunk) => chunk.index === index)) continue;
  await using writer = await target.stageChunk(index);
  const from = Number(first) + index * 1000;
  await writer.write(numbered(from, from + 1000));
  staged.push(await writer.finish());
  writeFileSync(ledger, JSON.stringify(staged));
}
await using badWriter = await target.stageBadRows(0);
badWriter.write({ source: 'a', row: 1, rows: 1, stage: 'parse', code: 'DATA_INVALID', message: 'no' });
const bad = await badWriter.finish();
await target.finalise({ staged, badRows: [bad!], facts: {}, confirmLease: () => Promise.resolve() });
writeFileSync(join(workspace, `${runId}.done`), '');

function readLedger(): StagedChunk[] {
  try {
    return JSON.parse(readFileSync(ledger, 'utf8')) as StagedChunk[];
  } catch {
    return [];
  }
}
