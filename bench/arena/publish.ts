/** Puts a whole arena where people read it: the picture of the README, and the table in docs/performance.md. */
import { readFile, writeFile } from 'node:fs/promises';
import type { Figure } from '../figures.ts';
import type { BenchResult } from '../results.ts';
import { format, type Line } from '../table.ts';
import { drawArena } from './picture.ts';

const DOCS = new URL('../../docs/', import.meta.url);
const BEGIN = '<!-- arena: written by the bench -->';
const END = '<!-- /arena -->';

export async function publish(lines: readonly Line[], figures: readonly Figure[], result: BenchResult): Promise<void> {
  await writeFile(new URL('performance.svg', DOCS), drawArena(lines, result));
  const page = new URL('performance.md', DOCS);
  const text = await readFile(page, 'utf8');
  const [from, to] = [text.indexOf(BEGIN), text.indexOf(END)];
  if (from < 0 || to < from) throw new Error(`${page.pathname} has no place for the table: ${BEGIN} … ${END}`);
  const table = tableOf(lines, figures, result);
  await writeFile(page, `${text.slice(0, from)}${BEGIN}\n\n${table}\n\n${text.slice(to)}`);
  console.log('Published in docs/performance.md and docs/performance.svg');
}

function tableOf(lines: readonly Line[], figures: readonly Figure[], result: BenchResult): string {
  const { machine, missing = {} } = result;
  const facts = [machine['cpu'], `${String(machine['cores'])} cores`, `${String(machine['memoryGb'])} GB`].join(', ');
  return [
    `\`${result.command}\` on ${result.at.slice(0, 10)}, commit ${result.commit}: ${facts}, ${String(machine['system'])}, Node.js ${String(machine['node'])}.`,
    '',
    '| case | against | theirs | Servery | ratio (spread) | drift | errors, theirs | goal |',
    '|---|---|---:|---:|---|---:|---:|---|',
    ...byCase(lines).map(rowOf),
    ...(figures.length > 0 ? [''] : []),
    ...figures.map(({ case: name, value, bound }) => `- ${name}: ${format(value)}; wanted: below ${bound}.`),
    ...(Object.keys(missing).length > 0 ? [''] : []),
    ...Object.entries(missing).map(([title, reason]) => `- ${title} took no part: ${reason}`),
  ].join('\n');
}

/** Contenders of a case beside each other, though each was measured in all of its cases before the next came. */
function byCase(lines: readonly Line[]): readonly Line[] {
  return [...Map.groupBy(lines, (line) => line.case).values()].flat();
}

function rowOf(line: Line): string {
  const spread = line.spread.map((ratio) => ratio.toFixed(2)).join(' to ');
  const verdict = line.reached === undefined ? '' : line.reached ? ': reached' : ': missed';
  const cells = [
    line.case,
    line.against,
    format(line.theirs),
    format(line.servery),
    `${line.ratio.toFixed(2)} (${spread})`,
    `${Math.round(line.drift * 100)} %`,
    `${line.errors}, ${line.theirErrors}`,
    line.goal + verdict,
  ];
  return `| ${cells.join(' | ')} |`;
}
