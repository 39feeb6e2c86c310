/** `servery parity MODEL FILE...`: do both ways give the same bits? */
import { resolve } from 'node:path';
import { checkParity, type ParityReport } from '../../app/parity.ts';
import { openWorkspace } from '../../app/workspace.ts';
import { ServeryError } from '../../core/errors.ts';
import { parseModelRef } from '../../core/model.ts';
import { inputOptions } from '../../dataset/options.ts';
import type { Result } from '../output.ts';

export interface ParityFlags {
  readonly workspace: string;
  readonly rows: string;
  readonly url?: string;
  readonly key?: string;
}

export async function parity(
  model: string,
  files: readonly string[],
  { workspace, rows, url, key }: ParityFlags,
): Promise<Result> {
  const maxRows = Number(rows);
  if (!Number.isInteger(maxRows) || maxRows < 1) {
    throw new ServeryError('USAGE', 'Cannot read --rows: expected a number of rows');
  }
  const opened = await openWorkspace(resolve(workspace), process.env, {});
  const report = await checkParity(opened, parseModelRef(model), {
    input: inputOptions.parse({ path: files.map((file) => resolve(file)) }),
    maxRows,
    server: url === undefined ? undefined : { url, key },
  });
  return { value: { parity: report }, text: describe(report), exitCode: report.differences === 0 ? 0 : 1 };
}

function describe({ model, rows, refused, unreadable, answers, differences, examples, notes }: ParityReport): string {
  const name = `${model.name}/${model.version}`;
  const counted = `${rows} rows (${refused} refused by both, ${unreadable} unreadable), ${answers} answers`;
  if (differences === 0) return `${name}: online and batch give the same bits: ${counted}`;
  const found = examples.map(({ source, row, way, what }) => `  row ${row} of ${source}, ${way}: ${what}`);
  return [
    `${name}: ${differences} differences in ${counted}`,
    ...found,
    ...notes.map((note) => `  note: ${note}`),
  ].join('\n');
}
