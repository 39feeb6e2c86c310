/** NDJSON: a row on each line. Empty lines are skipped, and errors name the line. */
import { parseJson, parseJsonExactly, countKeys, refuseDuplicateKeys } from './json.ts';

export interface NumberedRows {
  readonly rows: readonly unknown[];
  readonly nameRow: (index: number) => string;
}

/** @throws {ServeryError} `INVALID_REQUEST` */
export function parseNdjson(text: string, parse: 'fast' | 'exact' = 'fast'): NumberedRows {
  const rows: unknown[] = [];
  const lines: number[] = [];
  let line = 0;
  for (let from = 0; from < text.length;) {
    const newline = text.indexOf('\n', from);
    const to = newline === -1 ? text.length : newline;
    line += 1;
    const content = text.slice(from, to);
    from = to + 1;
    if (content.trim() === '') continue;
    const row = parseJson(content, `line ${line}`);
    if (typeof row === 'object' && row !== null && !Array.isArray(row)) refuseDuplicateKeys(content, countKeys(row));
    rows.push(parse === 'exact' ? parseJsonExactly(content) : row);
    lines.push(line);
  }
  return { rows, nameRow: (index) => `line ${lines[index]}` };
}
