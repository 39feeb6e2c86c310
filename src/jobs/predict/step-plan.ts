/**
 * What a predict step decides once, before it reads a row: the version, the input with its chunks, the columns.
 *
 * It is JSON and is kept by the ledger, so that every attempt does the same work. Everything that can be seen to be
 * wrong without running the model is refused here.
 */
import type { Column } from '../../core/columns.ts';
import { ServeryError, quote } from '../../core/errors.ts';
import type { Signature } from '../../core/signature.ts';
import type { Datatype } from '../../core/tensor.ts';
import type { Input, InputPlan, PlannedColumn, WantedColumn } from '../../dataset/input.ts';
import { columnsToRead, emptyOutputColumns, inputColumns, type InputColumns } from '../../protocol/rows.ts';
import type { BatchModel } from './batch-model.ts';
import type { BatchModels } from './batch-models.ts';
import type { PredictOptions } from './options.ts';
import type { ModelReferences, PinnedModel } from './pin-model.ts';

export interface StepPlan {
  readonly form: 1;
  readonly model: PinnedModel;
  /** The options that decide what is read and written; an attempt with others would mix two outputs. */
  readonly options: string;
  /** For handlers that ask other models: what each reference means in this run. */
  readonly references: ModelReferences;
  readonly input: InputPlan;
  /** Input columns that are carried through, in their order. */
  readonly passthrough: readonly string[];
  /** Columns of the output, in their order: carried through, outputs, metadata. */
  readonly columns: readonly PlannedColumn[];
  /** ISO 8601: `predictedAt` of every row, the same in all attempts. */
  readonly plannedAt: string;
}

export interface PlanSources {
  readonly input: Input;
  readonly model: BatchModel;
  readonly pinned: PinnedModel;
  readonly columns: ColumnChoice;
  readonly models: BatchModels;
}

/** @throws {ServeryError} `DATA_NOT_FOUND`, `DATA_INVALID`, `OUTPUT_INVALID` */
export async function makePlan(
  options: PredictOptions,
  { input, model, pinned, columns, models }: PlanSources,
): Promise<StepPlan> {
  const { passthrough, wanted } = columns;
  const planned = await input.plan(wanted, options.onBadRow === 'fail' ? 'fail' : 'keep');
  return {
    form: 1,
    model: pinned,
    options: lastingOptions(options),
    references: model.mayAsk ? await models.references() : {},
    input: planned,
    passthrough,
    columns: outputColumns(model.signature, planned.columns, passthrough, options),
    plannedAt: new Date().toISOString(),
  };
}

/** @throws {ServeryError} `CONFLICT` when the plan was made with other options */
export function confirmOptions(plan: StepPlan, options: PredictOptions): void {
  if (plan.options === lastingOptions(options)) return;
  throw new ServeryError('CONFLICT', 'Cannot go on with what was begun: the options are not the same', {
    hint: 'Use the options of the first attempt, or begin anew.',
  });
}

/** Limits may change between attempts; the reference of the model is pinned by itself. */
function lastingOptions(options: PredictOptions): string {
  const { input, output, passthrough, labels, onBadRow, metadata } = options;
  return JSON.stringify({ input, output, passthrough, labels, onBadRow, metadata });
}

/** The columns that a step reads. Each has the name that the model knows it by. */
export interface ColumnChoice {
  readonly bound: readonly InputColumns[];
  readonly passthrough: readonly string[];
  readonly wanted: readonly WantedColumn[];
}

/** @throws {ServeryError} `DATA_INVALID` when a column is missing */
export async function chooseColumns(
  input: Pick<Input, 'describe'>,
  signature: Signature,
  { passthrough: asked }: Pick<PredictOptions, 'passthrough'>,
): Promise<ColumnChoice> {
  const available = (await input.describe()).map(({ name }) => name);
  const bound = inputColumns(signature, available);
  const passthrough = asked === 'all' ? available : asked;
  const unknown = passthrough.filter((name) => !available.includes(name));
  if (unknown.length > 0) {
    throw new ServeryError(
      'DATA_INVALID',
      `Cannot pass through ${unknown.map(quote).join(', ')}: there is no such column`,
      {
        hint: 'Names are those that `input.columns` gives.',
      },
    );
  }
  const read = columnsToRead(bound);
  const purposes = new Map(
    bound.flatMap(({ input, columns, isList }) => {
      const purpose = isList ? listPurpose(input) : { as: columnType(input.spec.datatype) };
      return columns.map((name) => [name, purpose] as const);
    }),
  );
  const wanted = [
    ...read.map((name): WantedColumn => ({ name, ...purposes.get(name) })),
    ...passthrough.filter((name) => !read.includes(name)).map((name): WantedColumn => ({ name })),
  ];
  return { bound, passthrough, wanted };
}

/** As what cells without a type of their own are read. */
function columnType(datatype: Datatype): NonNullable<WantedColumn['as']> {
  if (datatype === 'BYTES') return 'TEXT';
  return datatype === 'FP16' ? 'FP32' : datatype;
}

/** Lists of several axes may be nested or flat. */
function listPurpose({ spec: { datatype }, rowShape }: InputColumns['input']): Omit<WantedColumn, 'name'> {
  return rowShape.length === 1 ? { as: 'LIST', list: { item: columnType(datatype), depth: 1 } } : { as: 'LIST' };
}

/** @throws {ServeryError} `OUTPUT_INVALID` when two columns would have one name */
function outputColumns(
  signature: Signature,
  input: readonly PlannedColumn[],
  passthrough: readonly string[],
  { labels, metadata }: Pick<PredictOptions, 'labels' | 'metadata'>,
): readonly PlannedColumn[] {
  const carried = passthrough.map((name) => input.find((column) => column.name === name)!);
  const outputs = emptyOutputColumns(signature, labels).map(({ name, type, list }): PlannedColumn => ({
    name,
    type,
    list,
  }));
  const columns = [...carried, ...outputs, ...metadataColumns(metadata)];
  const seen = new Map<string, string>();
  for (const { name } of columns) {
    // Names that differ in case alone are one name to many readers.
    const before = seen.get(name.toLowerCase());
    if (before !== undefined) {
      throw new ServeryError('OUTPUT_INVALID', `Cannot write two columns named ${quote(before)} and ${quote(name)}`, {
        hint: 'Rename the column with `input.columns`, or leave it out of `passthrough` or `metadata`.',
      });
    }
    seen.set(name.toLowerCase(), name);
  }
  return columns;
}

type Metadata = PredictOptions['metadata'];

function metadataColumns({ model, version, runId, predictedAt }: Metadata): readonly PlannedColumn[] {
  return [
    ...(model === undefined ? [] : [{ name: model, type: 'TEXT' as const }]),
    ...(version === undefined ? [] : [{ name: version, type: 'INT32' as const }]),
    ...(runId === undefined ? [] : [{ name: runId, type: 'TEXT' as const }]),
    ...(predictedAt === undefined
      ? []
      : [{ name: predictedAt, type: 'OTHER' as const, sqlType: 'TIMESTAMP WITH TIME ZONE' }]),
  ];
}

/** The metadata of so many rows, in the order of the plan. */
export function metadataOf(
  { model: { name, version }, plannedAt }: Pick<StepPlan, 'model' | 'plannedAt'>,
  runId: string,
  metadata: Metadata,
  rows: number,
): readonly Column[] {
  return metadataColumns(metadata).map((column): Column => {
    const { type } = column;
    if (column.name === metadata.version) {
      return { name: column.name, type, values: new Int32Array(rows).fill(version) };
    }
    const value = column.name === metadata.model ? name : column.name === metadata.runId ? runId : plannedAt;
    return { name: column.name, type, values: new Array<string>(rows).fill(value) };
  });
}
