/** Jobs and runs as people read them in a terminal: times in the zone of the job, what fires beside what it covers. */
import { roughDuration } from '../core/duration.ts';
import type {
  BackfillView,
  IntervalView,
  JobDetails,
  JobSummary,
  OccurrenceView,
  Rows,
  RunDetails,
  RunSummary,
  StepView,
} from '../jobs/job-api.ts';
import type { StepProgress } from '../jobs/step.ts';
import { formatLocal } from '../schedule/instant.ts';
import { table } from './output.ts';

const NOTHING = '-';

export function jobTable(jobs: readonly JobSummary[], nowMs: number): string {
  if (jobs.length === 0) return 'No jobs. Add one under `jobs` in servery.config, or as a file in jobs/.';
  const rows = jobs.map((job) => [
    job.name,
    job.scheduleInWords,
    nextText(job),
    job.next === null || job.paused !== null ? NOTHING : intervalText(job.next.interval, job.timezone),
    ...lastRunCells(job.lastRun, nowMs),
  ]);
  return table([['JOB', 'SCHEDULE', 'NEXT', 'COVERS', 'LAST RUN', 'WHEN', 'ROWS'], ...rows]);
}

function nextText({ next, paused, configured, timezone }: JobSummary): string {
  if (!configured) return 'not configured';
  if (paused !== null) return paused.note === '' ? 'paused' : `paused: ${paused.note}`;
  return next === null ? NOTHING : local(next.firesAt, timezone);
}

function lastRunCells(run: RunSummary | null, nowMs: number): readonly string[] {
  if (run === null) return [NOTHING, NOTHING, NOTHING];
  return [stateText(run), agoText(run.finishedAt ?? run.startedAt ?? run.createdAt, nowMs), rowsText(run.rows)];
}

export function jobText(job: JobDetails, nowMs: number): string {
  const { timezone, upcoming, runs, suppressed, paused } = job;
  const parts = [
    [
      `${job.name}${job.description === '' ? '' : `: ${job.description}`}`,
      `schedule    ${job.scheduleInWords}`,
      ...(job.schedule === job.scheduleInWords ? [] : [`            ${job.schedule}`]),
      `steps       ${job.steps.join(', ')}`,
      `definition  ${job.definitionHash}${job.configured ? '' : ' (no longer in the configuration)'}`,
      ...(paused === null ? [] : [`paused      since ${local(paused.since, timezone)}${noteText(paused.note)}`]),
    ].join('\n'),
  ];
  if (upcoming.length > 0) parts.push(`Next:\n${occurrenceTable(upcoming, timezone)}`);
  if (runs.length > 0) parts.push(`Runs:\n${runTable(runs, nowMs)}`);
  if (suppressed.length > 0) {
    const rows = suppressed.map(({ scheduledFor, interval, reason }) => [
      local(scheduledFor, timezone),
      intervalText(interval, timezone),
      reason,
    ]);
    parts.push(`Did not run:\n${table([['INSTANT', 'COVERS', 'WHY'], ...rows])}`);
  }
  return parts.join('\n\n');
}

export function occurrenceTable(next: readonly OccurrenceView[], timezone: string): string {
  if (next.length === 0) return 'Nothing fires by itself any more.';
  const rows = next.map(({ scheduledFor, firesAt, interval }) => [
    local(scheduledFor, timezone),
    local(firesAt, timezone),
    intervalText(interval, timezone),
  ]);
  return table([['INSTANT', 'FIRES', 'COVERS'], ...rows]);
}

export function runTable(runs: readonly RunSummary[], nowMs: number): string {
  if (runs.length === 0) return 'No runs.';
  const rows = runs.map((run) => [
    run.id,
    stateText(run),
    agoText(run.createdAt, nowMs),
    tookText(run.startedAt, run.finishedAt, nowMs),
    rowsText(run.rows),
  ]);
  return table([['RUN', 'STATE', 'ADDED', 'TOOK', 'ROWS'], ...rows]);
}

export function runText(run: RunDetails, nowMs: number): string {
  const { model, waiting, error, params, outputs, badRows, cancel, pinned, attempts, steps } = run;
  const hasParams = typeof params === 'object' && params !== null && Object.keys(params).length > 0;
  const lines = [
    `run         ${run.id}`,
    `state       ${stateText(run)}`,
    `cause       ${run.cause}`,
    ...(run.interval === null ? [] : [`covers      ${run.interval.start}/${run.interval.end}`]),
    `added       ${run.createdAt}`,
    ...(run.startedAt === null ? [] : [`started     ${run.startedAt}`]),
    ...(run.finishedAt === null
      ? []
      : [`finished    ${run.finishedAt} after ${tookText(run.startedAt, run.finishedAt, nowMs)}`]),
    ...(run.worker === null ? [] : [`worker      ${run.worker}`]),
    ...(hasParams ? [`parameters  ${JSON.stringify(params)}`] : []),
    ...(run.rows === null ? [] : [`rows        ${rowsText(run.rows)}`]),
    ...(model === null ? [] : [`model       ${model.name}/${model.version}`]),
    ...outputs.map((file) => `output      ${file}`),
    ...badRows.map((file) => `bad rows    ${file}`),
    `definition  ${pinned.definitionHash}`,
    ...(cancel === null ? [] : [`cancelled   ${cancel.at}${noteText(cancel.reason)}`]),
    ...(error === null ? [] : [`error       ${error.code}: ${error.message}`]),
    ...waiting.map(({ message }) => `waits       ${message}`),
  ];
  const parts = [lines.join('\n')];
  if (steps.length > 0) parts.push(stepTable(steps, nowMs));
  if (attempts.length > 1) {
    const rows = attempts.map(({ attempt, state, startedAt, finishedAt, error: why }) => [
      String(attempt),
      state,
      tookText(startedAt, finishedAt, nowMs),
      why === null ? NOTHING : `${why.code}: ${why.message}`,
    ]);
    parts.push(table([['ATTEMPT', 'STATE', 'TOOK', 'ERROR'], ...rows]));
  }
  return parts.join('\n\n');
}

function stepTable(steps: readonly StepView[], nowMs: number): string {
  const rows = steps.map(({ name, attempt, state, startedAt, finishedAt, rows: counts, chunks, error }) => [
    name,
    attempt === null ? NOTHING : String(attempt),
    state,
    tookText(startedAt, finishedAt, nowMs),
    rowsText(counts),
    chunks === null ? NOTHING : `${chunks.committed}/${chunks.planned ?? '?'}`,
    error === null ? NOTHING : error.code,
  ]);
  return table([['STEP', 'ATTEMPT', 'STATE', 'TOOK', 'ROWS', 'CHUNKS', 'ERROR'], ...rows]);
}

/** What a run came to, in a line. */
export function endText(run: Pick<RunDetails, 'id' | 'state' | 'rows' | 'error' | 'outputs' | 'badRows'>): string {
  const { id, state, rows, error, outputs, badRows } = run;
  const counts = rows === null ? '' : `, ${rowsText(rows)}`;
  const why = error === null ? '' : `\n  ${error.code}: ${error.message}`;
  const files = [...outputs.map((file) => `\n  ${file}`), ...badRows.map((file) => `\n  bad rows: ${file}`)];
  return `Run ${id} ${state}${counts}${why}${files.join('')}`;
}

export function backfillTable(backfills: readonly BackfillView[]): string {
  if (backfills.length === 0) return 'No backfills.';
  const rows = backfills.map(({ id, job, state, range, intervals }) => [
    `backfill/${id}`,
    job,
    state,
    range === null ? NOTHING : `${range.start}/${range.end}`,
    `${intervals.succeeded + intervals.skipped}/${intervals.total}`,
    String(intervals.active),
    String(intervals.failed),
  ]);
  return table([['BACKFILL', 'JOB', 'STATE', 'RANGE', 'DONE', 'ACTIVE', 'FAILED'], ...rows]);
}

/** How far a run is, in a line that is written again and again. */
export function progressText(run: RunDetails, nowMs: number): string {
  const took = run.startedAt === null ? '' : `, ${roughDuration(nowMs - Date.parse(run.startedAt))}`;
  const [reason] = run.waiting;
  if (reason !== undefined) return `${run.state}: ${reason.message}`;
  const progress = (run.progress ?? {}) as Readonly<Record<string, unknown>>;
  const { step } = progress;
  const running = typeof step === 'string' ? step : run.steps.findLast(({ state }) => state === 'running')?.name;
  return `${run.state}${running === undefined ? '' : ` ${running}`}${progressCounts(progress)}${took}`;
}

/** `, 12,000 of 50,000 rows (3 bad)`; empty when nothing is known. */
export function progressCounts({ rows, badRows, totalRows }: Readonly<Record<string, unknown>> | StepProgress): string {
  if (typeof rows !== 'number') return '';
  const count = (n: unknown) => (typeof n === 'number' && n > 0 ? n.toLocaleString('en') : undefined);
  const total = count(totalRows);
  const bad = count(badRows);
  return `, ${rows.toLocaleString('en')}${total === undefined ? '' : ` of ${total}`} rows${bad === undefined ? '' : ` (${bad} bad)`}`;
}

function intervalText(interval: IntervalView | null, timezone: string): string {
  if (interval === null) return NOTHING;
  const [start, end] = [local(interval.start, timezone), local(interval.end, timezone)];
  const offset = / [+-][0-9:]+$/.exec(end)?.[0] ?? '';
  // Said once, but on the days when clocks change.
  return `${start.endsWith(offset) ? start.slice(0, start.length - offset.length) : start} / ${end}`;
}

function stateText({ state, error, attempt }: RunSummary): string {
  const tries = attempt > 1 ? ` (attempt ${attempt})` : '';
  return state === 'failed' && error !== null ? `failed: ${error.code}${tries}` : `${state}${tries}`;
}

function rowsText(rows: Rows | null): string {
  if (rows === null) return NOTHING;
  const count = (n: number) => n.toLocaleString('en');
  return rows.bad === 0 ? `${count(rows.in)} rows` : `${count(rows.in)} rows (${count(rows.bad)} bad)`;
}

function tookText(startedAt: string | null, finishedAt: string | null, nowMs: number): string {
  if (startedAt === null) return NOTHING;
  return roughDuration((finishedAt === null ? nowMs : Date.parse(finishedAt)) - Date.parse(startedAt));
}

function agoText(instant: string, nowMs: number): string {
  return `${roughDuration(nowMs - Date.parse(instant))} ago`;
}

function local(instant: string, timezone: string): string {
  return formatLocal(Date.parse(instant), timezone);
}

function noteText(note: string): string {
  return note === '' ? '' : `: ${note}`;
}
