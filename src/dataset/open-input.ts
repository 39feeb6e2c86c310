/** Finds out what kind of source an input is, and opens it. */
import { join } from 'node:path';
import { ServeryError } from '../core/errors.ts';
import { csvFormat } from './csv-format.ts';
import { databaseInput } from './database-input.ts';
import { DEFAULT_LIMITS, openDuckDb, type DuckDbLimits } from './duckdb.ts';
import { commonForm, findFiles } from './find-files.ts';
import type { Input, InputContext } from './input.ts';
import { ndjsonFormat } from './ndjson-format.ts';
import type { FileFormat, InputOptions } from './options.ts';
import { parquetSource } from './parquet-input.ts';
import type { FileSource, Source } from './source.ts';
import { textSource } from './text-input.ts';

/** @throws {ServeryError} `DATASET_MISSING` */
export async function openInput(
  options: InputOptions,
  context: InputContext,
  limits: DuckDbLimits = DEFAULT_LIMITS,
): Promise<Input> {
  const duckdb = await openDuckDb(limits, join(context.spoolFolder, 'duckdb'));
  if (options.path === undefined) return databaseInput(options, context, duckdb);
  const source: Source = { options, context, duckdb };
  const opened = new Map<FileFormat, FileSource & Partial<AsyncDisposable>>();
  const kind = (format: FileFormat) => {
    const known = opened.get(format) ?? SOURCES[format]();
    opened.set(format, known);
    return known;
  };
  const paths = () => findFiles(options, context.workspace);
  return {
    async describe() {
      const found = await paths();
      const files = kind(commonForm(options, found).format);
      return firstReadable(found, (path) => files.describe(source, path));
    },
    async plan(wanted, onDamage) {
      const found = await paths();
      return kind(commonForm(options, found).format).plan(source, found, wanted, onDamage);
    },
    async sample(wanted, rows) {
      const found = await paths();
      const files = kind(commonForm(options, found).format);
      return firstReadable(found, (path) => files.sample(source, path, wanted, rows));
    },
    read: (plan, chunk, damage) => kind(plan.kind).read(source, plan, chunk, damage),
    async [Symbol.asyncDispose]() {
      for (const known of opened.values()) await known[Symbol.asyncDispose]?.();
      duckdb.close();
    },
  };
}

const MOST_TRIED = 100;

/** Of a file that is damaged or empty nobody can tell the columns; whether it may be so is for the plan to say. */
async function firstReadable<T>(paths: readonly string[], look: (path: string) => Promise<T>): Promise<T> {
  let first: unknown;
  for (const path of paths.slice(0, MOST_TRIED)) {
    try {
      return await look(path);
    } catch (error) {
      if (!(error instanceof ServeryError) || error.code !== 'DATA_INVALID') throw error;
      first ??= error;
    }
  }
  throw first;
}

const SOURCES: Readonly<Record<FileFormat, () => FileSource & Partial<AsyncDisposable>>> = {
  parquet: () => parquetSource,
  csv: () => textSource(csvFormat),
  ndjson: () => textSource(ndjsonFormat),
};
