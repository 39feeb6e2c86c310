/**
 * Whether a model gives the same answers both ways: the rows of a file, through batch work and through the online
 * door, one by one and in crowds, compared bit for bit.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Column } from '../core/columns.ts';
import { ServeryError, type ErrorCode } from '../core/errors.ts';
import type { ModelRef, ModelVersion } from '../core/model.ts';
import type { InputRows } from '../dataset/input.ts';
import { openInput } from '../dataset/open-input.ts';
import type { InputOptions } from '../dataset/options.ts';
import type { BatchModel } from '../jobs/predict/batch-model.ts';
import { createBatchModels, type BatchModels } from '../jobs/predict/batch-models.ts';
import { createModelAsker } from '../jobs/predict/ask-models.ts';
import { createPredictPiece, type PredictedPiece } from '../jobs/predict/predict-piece.ts';
import { chooseColumns, type ColumnChoice } from '../jobs/predict/step-plan.ts';
import { emptyOutputColumns, valueAt } from '../protocol/rows.ts';
import { openControl } from './control.ts';
import { createFrontEndCore } from './front-end.ts';
import { inProcess, throughHttp, type OnlineWay } from './online-ways.ts';
import type { Workspace } from './workspace.ts';

export interface ParityOptions {
  readonly input: InputOptions;
  /** Rows to compare at most. */
  readonly maxRows: number;
  /** A server to ask; by default a front end in this process. */
  readonly server: { readonly url: string; readonly key: string | undefined } | undefined;
}

export interface ParityReport {
  readonly model: ModelVersion;
  /** Rows that were compared, refused ones among them. */
  readonly rows: number;
  /** Rows that both ways must refuse. */
  readonly refused: number;
  /** Rows that no reader could make out; there is nothing to ask online. */
  readonly unreadable: number;
  /** Answers that were compared: each row alone, at once with others, and in requests of several rows. */
  readonly answers: number;
  readonly differences: number;
  /** The first of them. */
  readonly examples: readonly ParityDifference[];
  /** What was found out about the version when it was loaded. */
  readonly notes: readonly string[];
}

export interface ParityDifference {
  readonly source: string;
  readonly row: number;
  readonly way: 'alone' | 'in a crowd' | 'in a request of several rows';
  /** The output, or what one way refused. */
  readonly what: string;
}

/** What says nothing about a row, and would be said of each. */
const OF_THE_SERVER: ReadonlySet<ErrorCode> = new Set([
  'SERVER_NOT_RUNNING',
  'SHUTTING_DOWN',
  'MODEL_NOT_FOUND',
  'MODEL_NOT_READY',
  'UNAUTHENTICATED',
  'FORBIDDEN',
  'HOST_NOT_ALLOWED',
  'QUEUE_FULL',
]);
const TIMEOUT_MS = 60_000;
const CROWD = 128;
const REQUEST_SIZES = [2, 3, 5, 8, 13, 33, 64];
const MOST_EXAMPLES = 20;

/** @throws {ServeryError} `MODEL_NOT_FOUND`, `DATA_NOT_FOUND`, `DATA_INVALID`, `SERVER_NOT_RUNNING` … */
export async function checkParity(workspace: Workspace, ref: ModelRef, options: ParityOptions): Promise<ParityReport> {
  const { modelsFolder, stateFolder, config, folder } = workspace;
  const source = { modelsFolder, stateFolder, models: config.models ?? {} };
  await using opened = new AsyncDisposableStack();
  const models = opened.use(createBatchModels(source));
  const pinned = await models.pin(ref);
  const { name, version } = pinned;
  const batch = opened.use(await models.load(pinned));

  const spoolFolder = await mkdtemp(join(tmpdir(), 'servery-parity-'));
  opened.defer(() => rm(spoolFolder, { recursive: true, force: true }));
  const context = { interval: undefined, timezone: 'UTC', workspace: folder, spoolFolder };
  const input = opened.use(await openInput(options.input, context));
  const columns = await chooseColumns(input, batch.signature, { passthrough: [] });
  const { pieces, unreadable } = await readPieces(input, columns, options.maxRows);

  const predicted: PredictedPiece[] = [];
  const predictPiece = await createBatchWay(models, batch, columns, opened);
  for (const piece of pieces) predicted.push(await predictPiece(piece, () => 'rows[0]'));
  const expected = pieces.flatMap((piece, i) => expectedRows(piece, predicted[i]!, columns));

  const way = await openOnlineWay();
  const comparison = new Comparison(expected, way);
  await comparison.alone();
  await comparison.inCrowds();
  if (takesSeveralRows(batch)) await comparison.inRequests();
  return {
    model: { name, version },
    rows: expected.length,
    refused: expected.filter(({ refusal }) => refusal !== undefined).length,
    unreadable,
    answers: comparison.answers,
    differences: comparison.differences,
    examples: comparison.examples,
    notes: batch.notes,
  };

  async function openOnlineWay(): Promise<OnlineWay> {
    const { server } = options;
    if (server !== undefined) return throughHttp(server.url, { name, version }, server.key);
    // Whatever else the policy says, this version has to answer.
    const configured = { ...source.models, [name]: { ...source.models[name], versions: [version] } };
    const control = opened.use(openControl({ ...source, models: configured, stuckAfterMs: config.stuckAfter }));
    const core = opened.use(createFrontEndCore(TIMEOUT_MS));
    await control.models.join(core.models);
    await control.models.start();
    return inProcess(core.predict, { name, version });
  }
}

/** Else a request of several rows is refused, or asks something else. */
function takesSeveralRows({ signature, batchRows }: BatchModel): boolean {
  const isFixed = signature.inputs.every(({ shape }) => !shape.slice(1).includes(null));
  return signature.batched && isFixed && batchRows > 1;
}

async function createBatchWay(
  models: BatchModels,
  model: BatchModel,
  { bound }: ColumnChoice,
  opened: AsyncDisposableStack,
) {
  const asker = opened.use(createModelAsker(models, await models.references(), TIMEOUT_MS));
  return createPredictPiece({
    model,
    bound,
    passthrough: [],
    labels: false,
    nullBadRows: true,
    timeoutMs: TIMEOUT_MS,
    predictRows: asker.predictRows,
    outputColumns: emptyOutputColumns(model.signature, false),
  });
}

async function readPieces(
  input: Awaited<ReturnType<typeof openInput>>,
  { wanted }: ColumnChoice,
  maxRows: number,
): Promise<{ readonly pieces: readonly InputRows[]; readonly unreadable: number }> {
  const plan = await input.plan(wanted, 'keep');
  const pieces: InputRows[] = [];
  let rows = 0;
  let unreadable = 0;
  for (const chunk of plan.chunks) {
    for await (const item of input.read(plan, chunk, 'fail')) {
      if (item.kind === 'bad') unreadable += item.bad.rows;
      else {
        pieces.push(item);
        rows += item.rows;
      }
      if (rows >= maxRows) return { pieces: shorten(pieces, rows - maxRows), unreadable };
    }
  }
  return { pieces, unreadable };
}

/** Only fewer rows: what else is in the columns is not looked at. */
function shorten(pieces: readonly InputRows[], surplus: number): readonly InputRows[] {
  const last = pieces.at(-1)!;
  const rows = last.rows - surplus;
  const columns = last.columns.map((column): Column => {
    const { name, type, list } = column;
    const nulls = column.nulls?.subarray(0, rows);
    return { name, type, list, nulls, values: column.values.slice(0, rows) as Column['values'] };
  });
  return [...pieces.slice(0, -1), { ...last, rows, columns }];
}

interface ExpectedRow {
  readonly source: string;
  readonly row: number;
  /** A row of the plain door. */
  readonly json: string;
  /** Outputs by name; undefined when batch work refuses the row. */
  readonly outputs: Readonly<Record<string, unknown>>;
  readonly refusal: PredictedPiece['badRows'][number] | undefined;
}

function expectedRows(
  piece: InputRows,
  { output, badRows }: PredictedPiece,
  { bound }: ColumnChoice,
): readonly ExpectedRow[] {
  const names = new Set(bound.flatMap(({ columns }) => columns));
  const columns = piece.columns.filter(({ name }) => names.has(name));
  const refusals = new Map(badRows.map((bad) => [bad.position, bad]));
  return Array.from({ length: piece.rows }, (_, i) => ({
    source: piece.source,
    row: piece.rowNumbers?.[i] ?? piece.firstRow + i,
    json: `{${columns.map((column) => `${JSON.stringify(column.name)}:${jsonOf(valueAt(column, i))}`).join(',')}}`,
    outputs: Object.fromEntries(output.columns.map((column) => [column.name, valueAt(column, i)])),
    refusal: refusals.get(i),
  }));
}

/** JSON that keeps every bit: digits of large integers, and numbers that are too large for JSON's readers. */
function jsonOf(value: unknown): string {
  if (typeof value === 'bigint') return String(value);
  if (typeof value === 'number') {
    if (Object.is(value, -0)) return '-0.0';
    return Number.isNaN(value) ? 'null' : Number.isFinite(value) ? String(value) : value > 0 ? '1e999' : '-1e999';
  }
  if (value instanceof Uint8Array) return JSON.stringify(new TextDecoder().decode(value));
  return Array.isArray(value) ? `[${value.map(jsonOf).join(',')}]` : JSON.stringify(value);
}

class Comparison {
  readonly #rows: readonly ExpectedRow[];
  readonly #way: OnlineWay;
  readonly examples: ParityDifference[] = [];
  answers = 0;
  differences = 0;

  constructor(rows: readonly ExpectedRow[], way: OnlineWay) {
    this.#rows = rows;
    this.#way = way;
  }

  async alone(): Promise<void> {
    for (const row of this.#rows) await this.#ask([row], 'alone');
  }

  /** So many requests at once: they share runs with each other. */
  async inCrowds(): Promise<void> {
    for (let from = 0; from < this.#rows.length; from += CROWD) {
      await Promise.all(this.#rows.slice(from, from + CROWD).map((row) => this.#ask([row], 'in a crowd')));
    }
  }

  /** Of good rows alone: a bad one has its whole request refused. */
  async inRequests(): Promise<void> {
    const good = this.#rows.filter(({ refusal }) => refusal === undefined);
    for (let from = 0, i = 0; from < good.length; i += 1) {
      const size = REQUEST_SIZES[i % REQUEST_SIZES.length]!;
      await this.#ask(good.slice(from, from + size), 'in a request of several rows');
      from += size;
    }
  }

  async #ask(rows: readonly ExpectedRow[], way: ParityDifference['way']): Promise<void> {
    let answers: readonly Record<string, unknown>[] = [];
    let refusal: ServeryError | undefined;
    try {
      answers = await this.#way.ask(`{"rows":[${rows.map(({ json }) => json).join(',')}]}`);
    } catch (error) {
      if (!(error instanceof ServeryError)) throw error;
      if (OF_THE_SERVER.has(error.code)) throw error;
      refusal = error;
    }
    for (const [i, row] of rows.entries()) {
      this.answers += 1;
      for (const what of differencesOf(row, answers[i], refusal, this.#way.isJson)) {
        this.differences += 1;
        const { source, row: number } = row;
        if (this.examples.length < MOST_EXAMPLES) this.examples.push({ source, row: number, way, what });
      }
    }
  }
}

function differencesOf(
  { outputs, refusal }: ExpectedRow,
  answer: Record<string, unknown> | undefined,
  refused: ServeryError | undefined,
  isJson: boolean,
): readonly string[] {
  if (refusal !== undefined) {
    const { code, message } = refusal.error;
    if (refused === undefined) return [`refused in batch only: ${message}`];
    // A failed run is told in its own words each time, and NaN is null in JSON.
    const hasOwnWords = refusal.stage === 'predict' || message.includes('it is NaN');
    const isSame = refused.code === code && (hasOwnWords || refused.message === message);
    return isSame
      ? []
      : [`refused in other words: ${code} ${message} in batch, ${refused.code} ${refused.message} online`];
  }
  if (refused !== undefined || answer === undefined) return [`refused online only: ${refused?.message ?? 'no row'}`];
  return Object.keys({ ...outputs, ...answer })
    .filter((name) => !isSame(outputs[name], answer[name], isJson))
    .map((name) => `output ${name}`);
}

/** @param isJson `online` came as JSON: null for NaN and the infinities, and no bigint */
function isSame(batch: unknown, online: unknown, isJson: boolean): boolean {
  if (Array.isArray(batch)) {
    return (
      Array.isArray(online) &&
      online.length === batch.length &&
      batch.every((item, i) => isSame(item, online[i], isJson))
    );
  }
  if (isJson && typeof batch === 'number' && !Number.isFinite(batch)) return online === null;
  if (isJson && typeof batch === 'bigint') return Number(batch) === online;
  if (batch instanceof Uint8Array) return online instanceof Uint8Array && Buffer.compare(batch, online) === 0;
  return Object.is(batch, online);
}
