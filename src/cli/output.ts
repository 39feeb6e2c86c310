/**
 * What a command prints, and how it ends.
 *
 * A command returns its result in both forms; this is the only place that knows which one is wanted.
 * With `--json` standard output is exactly one document, on failure too.
 */
import { ServeryError } from '../core/errors.ts';

export interface Result {
  /** The document of `--json`. */
  readonly value: unknown;
  /** The same for people. */
  readonly text: string;
  /** 0 unless the command ran and found fault (`check`). */
  readonly exitCode?: number;
}

/** Codes that mean "you asked wrongly": exit code 2 instead of 1. */
const USAGE_CODES: ReadonlySet<string> = new Set([
  'USAGE',
  'CONFIG_INVALID',
  'WORKSPACE_NOT_FOUND',
  'ADDRESS_INSECURE',
  'CRON_INVALID',
]);

export async function report(wantsJson: boolean, command: () => Promise<Result | undefined>): Promise<void> {
  try {
    const result = await command();
    if (result === undefined) return;
    process.stdout.write(wantsJson ? `${toJson(result.value)}\n` : `${result.text}\n`);
    process.exitCode = result.exitCode ?? 0;
  } catch (error) {
    process.exitCode = printFailure(wantsJson, error);
  }
}

/** @returns the exit code */
export function printFailure(wantsJson: boolean, error: unknown): number {
  const isExpected = error instanceof ServeryError;
  const code = isExpected ? error.code : 'INTERNAL';
  const message = error instanceof Error ? error.message : String(error);
  const hint = isExpected ? error.hint : 'This is a bug in Servery.';
  if (wantsJson) process.stdout.write(`${toJson({ error: { code, message, hint } })}\n`);
  else process.stderr.write(`servery: ${message}\n  ${code}: ${hint}\n`);
  if (!isExpected && error instanceof Error && !wantsJson) process.stderr.write(`${error.stack}\n`);
  return USAGE_CODES.has(code) ? 2 : 1;
}

function toJson(value: unknown): string {
  return JSON.stringify(value, (_, v: unknown) => (typeof v === 'bigint' ? Number(v) : v), 2);
}

/** Columns padded to their widest cell. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length))) ?? [];
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
