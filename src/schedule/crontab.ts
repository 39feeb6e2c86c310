/**
 * Reads a crontab (of a user, or of the system with a column of users) as the jobs that do the same.
 *
 * Where cron means something else by the same text, the text is rewritten; what has no counterpart is said, line by
 * line, and never dropped in silence. The rules are those of vixie's cron and cronie.
 */
import { ServeryError } from '../core/errors.ts';
import { parseDuration } from '../core/duration.ts';
import { readEntry, type CrontabEntry } from './crontab-line.ts';
import { parseCron } from './cron-syntax.ts';
import { jobNamer } from './crontab-names.ts';
import type { ScheduleOptionsInput } from './options.ts';
import { isZone } from './zone.ts';

/** What the configuration is given under `jobs`. */
export interface ImportedJob {
  readonly name: string;
  readonly line: number;
  readonly description?: string;
  readonly schedule: ScheduleOptionsInput;
  readonly command: readonly string[];
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}

export interface Remark {
  readonly line: number;
  /** `changed`: it is imported and does the same in another form; `lost`: this part is not. */
  readonly what: 'changed' | 'lost';
  readonly message: string;
}

export interface CrontabImport {
  readonly jobs: readonly ImportedJob[];
  readonly remarks: readonly Remark[];
  /** Lines that name a time and a command, imported or not. */
  readonly entries: number;
}

export interface CrontabOptions {
  /** The zone of the machine that cron ran on; `CRON_TZ` goes before it. */
  readonly timezone: string;
  /** The lines have a column of users, as in /etc/crontab. */
  readonly isSystem: boolean;
}

/** Variables that tell cron itself something: none of them is of use to a command. */
const MAIL = /^(MAILTO|MAILFROM|CONTENT_TYPE|CONTENT_TRANSFER_ENCODING)$/;

/** `m h dom mon dow command`, and the drawing in /etc/crontab. */
const LEGEND = /^(m(in(ute)?)?\s+h(our)?\s|[|.]\s*[|.-]|\*(\s+\*){4}\s+(user|command))/i;

/** Accounts that systems come with: whoever they are, they are no programs. */
const ACCOUNT =
  /^(root|nobody|daemon|bin|sys|mail|news|www-data|www|apache|nginx|postgres|mysql|git|munin|ubuntu|debian|admin|ec2-user)$/;

interface State {
  timezone: string;
  jitter: string | undefined;
  env: Readonly<Record<string, string>>;
}

export function importCrontab(text: string, options: CrontabOptions): CrontabImport {
  const jobs: ImportedJob[] = [];
  const remarks: Remark[] = [];
  const nameOf = jobNamer();
  let state: State = { timezone: options.timezone, jitter: undefined, env: {} };
  let comments: string[] = [];
  let entries = 0;

  for (const [index, rawLine] of text.split(/\r?\n/).entries()) {
    const line = index + 1;
    const remark = (what: Remark['what'], message: string) => void remarks.push({ line, what, message });
    const content = rawLine.trim();
    const variable = readVariable(content);
    if (content === '') comments = [];
    else if (content.startsWith('#')) comments.push(content.replace(/^#+\s*/, ''));
    else if (variable !== undefined) {
      state = withVariable(state, variable, remark);
      comments = [];
    } else {
      entries += 1;
      try {
        const entry = readEntry(content, options.isSystem, remark);
        const job = jobOf(entry, state, remark);
        jobs.push({ name: nameOf(entry.command), line, ...described(comments, options.isSystem), ...job });
      } catch (error) {
        if (!(error instanceof ServeryError)) throw error;
        remark('lost', `Not imported. ${error.message}. ${error.hint}`);
      }
      comments = [];
    }
  }
  return { jobs, remarks, entries };
}

function jobOf(
  { fields, jitter, user, command, stdin }: CrontabEntry,
  state: State,
  remark: (what: Remark['what'], message: string) => void,
): Omit<ImportedJob, 'name' | 'line'> {
  const cron = withoutVixiesAnd(fields);
  parseCron(cron); // refuses what no cron would take, too
  if (cron !== fields) {
    remark('changed', `cron demands both day fields here, since one starts with a star: ${cron} says so.`);
  }
  const { SHELL: shell = '/bin/sh', ...env } = state.env;
  if (user !== undefined) remark('lost', `It ran as ${user}; a job runs as the user that Servery runs as.`);
  if (stdin !== undefined) remark('changed', 'What comes after % is piped into the command.');
  if (env['TZ'] !== undefined) {
    remark('changed', 'TZ is for the command alone; cron keeps time by CRON_TZ, as `timezone` does.');
  }
  const spread = jitter ?? state.jitter;
  return {
    schedule: {
      ...{ cron, timezone: state.timezone },
      ...(spread === undefined ? {} : { jitter: spread }),
      // What cron does: it makes up for nothing, and does not look whether the last one is done.
      ...{ catchUp: 'none', overlap: 'allow' },
    },
    // The text is an argument of its own, so nothing has to be quoted.
    command:
      stdin === undefined
        ? [shell, '-c', command]
        : [shell, '-c', 'printf %s "$1" | "$2" -c "$0"', command, stdin, shell],
    ...(env['HOME'] === undefined ? {} : { cwd: env['HOME'] }),
    ...(Object.keys(env).length === 0 ? {} : { env }),
  };
}

/** Vixie's rule: where a day field starts with a star, even one with a step, both must match. */
function withoutVixiesAnd(fields: string): string {
  const parts = fields.split(' ');
  const [, , dayOfMonth, , dayOfWeek] = parts;
  if (dayOfMonth === undefined || dayOfWeek === undefined) return fields;
  const isRestricted = dayOfMonth !== '*' && dayOfWeek !== '*';
  const hasStar = dayOfMonth.startsWith('*') || dayOfWeek.startsWith('*');
  return isRestricted && hasStar ? parts.with(4, `+${dayOfWeek}`).join(' ') : fields;
}

function withVariable(
  state: State,
  [name, value]: readonly [string, string],
  remark: (what: Remark['what'], message: string) => void,
): State {
  if (name === 'CRON_TZ') {
    if (isZone(value)) return { ...state, timezone: value };
    remark('lost', `There is no time zone ${JSON.stringify(value)}; ${state.timezone} is used.`);
    return state;
  }
  if (name === 'RANDOM_DELAY') {
    const jitter = `${value}m`;
    if (parseDuration(jitter) !== undefined) return { ...state, jitter: value === '0' ? undefined : jitter };
    remark('lost', 'RANDOM_DELAY is not a number of minutes.');
    return state;
  }
  if (MAIL.test(name)) {
    if (value !== '') {
      remark('lost', `${name}: output is kept with each run and not mailed; \`notify\` tells of failures.`);
    }
    return state;
  }
  return { ...state, env: { ...state.env, [name]: value } };
}

/** `NAME = value`, either in quotes or not. */
function readVariable(line: string): readonly [name: string, value: string] | undefined {
  const [, name, value] = /^["']?([A-Za-z_][A-Za-z0-9_]*)["']?\s*=\s*(.*)$/.exec(line) ?? [];
  if (name === undefined || value === undefined) return undefined;
  const [, , unquoted = value] = /^(["'])(.*)\1$/.exec(value) ?? [];
  return [name, unquoted];
}

/** The comment right above a line, unless it is a line that somebody has put out of use. */
function described(comments: readonly string[], isSystem: boolean): { readonly description?: string } {
  const isOldEntry = (comment: string) => {
    try {
      parseCron(readEntry(comment, isSystem, () => undefined).fields);
      return true;
    } catch {
      return false;
    }
  };
  // Systems put pages above the first line, which end with what the columns are.
  const legend = comments.findLastIndex((comment) => LEGEND.test(comment));
  const description = comments
    .slice(legend + 1)
    .filter((comment) => comment !== '' && !isOldEntry(comment))
    .join(' ');
  return description === '' ? {} : { description };
}

/** Whether the lines look like those of /etc/crontab: each has a user before its command. */
export function looksLikeSystemCrontab(text: string, path: string): boolean {
  if (/(^|\/)etc\/(crontab$|cron\.d\/)/.test(path)) return true;
  const lines = text.split(/\r?\n/).map((line) => line.trim());
  const users = lines
    .filter((line) => /^[-\d*~@]/.test(line))
    .map((line) => line.split(/[ \t]+/).slice(line.startsWith('@') ? 1 : 5))
    .map(([user = '', command]) => (command !== undefined && /^[a-z_][a-z0-9_-]*$/.test(user) ? user : undefined));
  const names = users.filter((user) => user !== undefined);
  return users.length > 0 && names.length === users.length && names.some((user) => ACCOUNT.test(user));
}
