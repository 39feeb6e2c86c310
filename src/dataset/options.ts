/** Where rows come from and where results go: the only definition of these options. */
import * as z from 'zod';

const name = z.string().min(1);
const format = z.enum(['parquet', 'csv', 'ndjson']);

const csvOptions = z.strictObject({
  delimiter: z.string().length(1).default(',').describe('What stands between two cells.'),
  quote: z
    .string()
    .length(1)
    .default('"')
    .describe('What stands around a cell that holds a delimiter; doubled inside.'),
  header: z.boolean().default(true).describe('The first line has the names; without it they are column0, column1, ….'),
  nullText: z.string().default('').describe('A cell with this text, not quoted, has no value.'),
  maxLineBytes: z
    .int()
    .min(100)
    .max(100_000_000)
    .default(2_000_000)
    .describe('A longer line is a bad row (NDJSON too).'),
});

const secret = z.strictObject({ secret: name.describe('Name of the environment variable that holds it.') });

/** The size of what is read, predicted, staged and committed as one. */
const chunkRows = z
  .int()
  .min(1)
  .max(10_000_000)
  .default(500_000)
  .describe('Rows of a chunk: what is done again at most when a process dies.');

export const inputOptions = z
  .strictObject({
    path: z
      .union([name, z.array(name).min(1)])
      .optional()
      .describe('Files or globs (`data/**/*.parquet`), from the workspace folder on.'),
    format: format.optional().describe('Default: by the name of the file (.parquet, .csv, .tsv, .ndjson, .jsonl).'),
    compression: z
      .enum(['none', 'gzip', 'zstd'])
      .optional()
      .describe('Of CSV and NDJSON. Default: by the name of the file (.gz, .zst).'),
    hivePartitions: z
      .boolean()
      .default(true)
      .describe('Folders named `key=value` are columns too, as texts, where a file has no such column.'),
    sqlite: name.optional().describe('A SQLite file to read from, with `table` or `query`.'),
    postgres: z
      .union([name, secret])
      .optional()
      .describe('Address of a PostgreSQL database (postgres://…), with `table` or `query`.'),
    table: name.optional().describe('Table to read; may be SCHEMA.TABLE for PostgreSQL.'),
    query: name.optional().describe('A SELECT whose rows are read.'),
    columns: z
      .record(name, name)
      .default({})
      .describe('Column names that differ: what the model calls it → what the input calls it.'),
    where: name.optional().describe('An SQL condition; only rows for which it is true are read.'),
    timeColumn: name.optional().describe('Only rows whose time lies in the data interval are read.'),
    timeZone: name.optional().describe('Zone of times that carry none. Default: that of the job.'),
    timeUnit: z
      .enum(['s', 'ms', 'us', 'ns'])
      .optional()
      .describe('The time column counts these since 1970. Needed for a column of integers, refused for others.'),
    csv: csvOptions.prefault({}),
    checksum: z
      .enum(['quick', 'full'])
      .default('quick')
      .describe('How a Parquet file is pinned: by its footer, or by all of its bytes. Text files always by all.'),
    chunkRows,
  })
  .superRefine((input, context) => {
    const sources = (['path', 'sqlite', 'postgres'] as const).filter((key) => input[key] !== undefined);
    const problem = (path: string, message: string) => context.addIssue({ code: 'custom', path: [path], message });
    if (sources.length !== 1) problem('path', 'expected one of path, sqlite and postgres');
    const isDatabase = input.path === undefined;
    if (isDatabase && (input.table === undefined) === (input.query === undefined)) {
      problem('table', 'expected either table or query');
    }
    if (!isDatabase && (input.table ?? input.query) !== undefined) {
      problem('table', 'table and query are for sqlite and postgres');
    }
    for (const [source, names] of Map.groupBy(Object.keys(input.columns), (given) => input.columns[given])) {
      if (names.length > 1) problem('columns', `expected one name for ${source}, got ${names.join(' and ')}`);
    }
    if (input.timeColumn === undefined && input.timeUnit !== undefined) {
      problem('timeUnit', 'expected timeColumn beside it');
    }
  });

export const outputOptions = z
  .strictObject({
    path: name
      .optional()
      .describe('A folder (`scores/`), or one file (`scores.parquet`), from the workspace folder on.'),
    format: format.optional().describe('Default: by the name of the file; parquet in a folder.'),
    compression: z
      .enum(['none', 'gzip', 'zstd'])
      .optional()
      .describe('Of CSV and NDJSON. Default: by the name of the file (.gz, .zst).'),
    sqlite: name.optional().describe('A SQLite file to write to, with `table`.'),
    postgres: z
      .union([name, secret])
      .optional()
      .describe('Address of a PostgreSQL database (postgres://…) to write to, with `table`.'),
    table: name.optional().describe('Table to write to; made when it is missing.'),
    mode: z
      .enum(['replaceInterval', 'append', 'upsert'])
      .default('replaceInterval')
      .describe(
        'What was there for the interval is replaced (without an interval: all of it), or kept beside the new rows, or replaced row by row (SQLite; needs `key`).',
      ),
    key: z
      .union([name, z.array(name).min(1)])
      .transform((key) => (typeof key === 'string' ? [key] : key))
      .optional()
      .describe('upsert: columns that identify a row.'),
    files: z
      .enum(['one', 'many'])
      .default('one')
      .describe('One file for an interval, or one for each chunk: then only the manifest is atomic.'),
    intervalColumn: name
      .default('servery_interval')
      .describe('Column of a table that says which interval a row belongs to.'),
  })
  .superRefine((output, context) => {
    const targets = (['path', 'sqlite', 'postgres'] as const).filter((key) => output[key] !== undefined);
    const problem = (path: string, message: string) => context.addIssue({ code: 'custom', path: [path], message });
    if (targets.length !== 1) problem('path', 'expected one of path, sqlite and postgres');
    const isDatabase = output.path === undefined;
    if (isDatabase && output.table === undefined) problem('table', 'expected a table beside sqlite or postgres');
    if (!isDatabase && output.table !== undefined) problem('table', 'a table is for sqlite and postgres');
    if (output.mode === 'upsert' && output.sqlite === undefined) problem('mode', 'upsert is for sqlite');
    if ((output.mode === 'upsert') !== (output.key !== undefined)) problem('key', 'upsert and key need each other');
    if (output.files === 'many' && isDatabase) problem('files', 'many is for files');
  });

export type InputOptions = z.output<typeof inputOptions>;
export type OutputOptions = z.output<typeof outputOptions>;
export type CsvOptions = InputOptions['csv'];
export type FileFormat = z.output<typeof format>;
