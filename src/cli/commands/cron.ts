/** `servery cron`: what an expression means, and jobs from a crontab. Neither needs a workspace or a server. */
import { readFile } from 'node:fs/promises';
import { text as readAll } from 'node:stream/consumers';
import { stringify } from 'yaml';
import { formatInstant } from '../../core/data-interval.ts';
import { ServeryError, quote } from '../../core/errors.ts';
import { importCrontab, looksLikeSystemCrontab, type ImportedJob, type Remark } from '../../schedule/crontab.ts';
import { explainCron } from '../../schedule/explain.ts';
import { formatLocal, parseInstant } from '../../schedule/instant.ts';
import { openZone } from '../../schedule/zone.ts';
import { table, type Result } from '../output.ts';

export interface ExplainOptions {
  readonly timezone: string;
  /** An instant; without an offset, in `timezone`. Now when absent. */
  readonly from?: string;
  readonly count: string;
}

const MAX_COUNT = 1000;

export function explain(text: string, { timezone, from, count }: ExplainOptions, nowMs: number): Result {
  if (!/^\d+$/.test(count) || Number(count) < 1 || Number(count) > MAX_COUNT) {
    throw new ServeryError('USAGE', `Cannot show ${quote(count)} instants: expected a number from 1 to ${MAX_COUNT}`);
  }
  const fromMs = from === undefined ? nowMs : parseInstant(from, timezone);
  const { expression, description, next, notes, warnings } = explainCron(text, timezone, fromMs, Number(count));
  const rows = next.map(({ atMs, interval }) => [
    formatLocal(atMs, timezone),
    formatInstant(atMs),
    `${formatLocal(interval.startMs, timezone)} to ${formatLocal(interval.endMs, timezone)}`,
  ]);
  const list = rows.length === 0 ? [] : [table([['fires at', 'in UTC', 'covers'], ...rows])];
  const remarks = [...warnings.map((warning) => `Warning: ${warning}`), ...notes];
  return {
    value: {
      ...{ expression, timezone, description },
      next: next.map(({ atMs, interval: { startMs, endMs } }) => ({
        at: formatInstant(atMs),
        interval: { start: formatInstant(startMs), end: formatInstant(endMs) },
      })),
      ...{ notes, warnings },
    },
    text: [`${description} (${timezone})`, ...list, ...(remarks.length === 0 ? [] : [remarks.join('\n')])].join('\n\n'),
  };
}

export interface ImportOptions {
  /** Whether the lines have a column of users; looked at when absent. */
  readonly system?: boolean;
  readonly timezone: string;
}

/** @param path a file, or `-` for standard input */
export async function importFile(path: string, { system, timezone }: ImportOptions): Promise<Result> {
  openZone(timezone); // refuses an unknown one
  const text = await (path === '-' ? readAll(process.stdin) : readCrontab(path));
  const isSystem = system ?? looksLikeSystemCrontab(text, path);
  const { jobs, remarks, entries } = importCrontab(text, { timezone, isSystem });
  return {
    value: { jobs: sectionOf(jobs), remarks },
    text: asYaml(jobs, remarks, timezone).trimEnd(),
    exitCode: entries > 0 && jobs.length === 0 ? 1 : 0,
  };
}

async function readCrontab(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new ServeryError('USAGE', `Cannot read the crontab ${quote(path)}`, {
      hint: 'Name a file, or - to read standard input: crontab -l | servery cron import -',
      cause: error,
    });
  }
}

function sectionOf(jobs: readonly ImportedJob[]): Record<string, unknown> {
  return Object.fromEntries(jobs.map(({ name, line: _, ...job }) => [name, job]));
}

/** The `jobs` section of a servery.config.yaml, with what is to be known as comments. */
function asYaml(jobs: readonly ImportedJob[], remarks: readonly Remark[], timezone: string): string {
  const head = [
    `# ${jobs.length} job${jobs.length === 1 ? '' : 's'} from a crontab; times without CRON_TZ are in ${timezone}.`,
    '# cron ran commands in the home folder of their user, with PATH=/usr/bin:/bin: a job runs in the workspace, with the',
    '# environment of Servery, unless `cwd` and `env` say otherwise. Like cron, they make up for no missed run',
    '# (`catchUp: none`) and overlap (`overlap: allow`); `latest` and `skip` are often better.',
    ...remarks.map(({ line, what, message }) => `# line ${line}, ${what}: ${message}`),
  ];
  return `${head.join('\n')}\n${stringify({ jobs: sectionOf(jobs) }, { lineWidth: 0 })}`;
}
