/** Writes a run into a PostgreSQL table in one transaction. */
import type { ColumnType } from '../core/columns.ts';
import { ServeryError, quote } from '../core/errors.ts';
import { refuseOverlap, type Sink, type SinkOptions } from './database-output.ts';
import { translateFailure } from './failures.ts';
import type { OutputColumns } from './output.ts';
import { connectPostgres, tableName } from './postgres-client.ts';
import { ident } from './sql-text.ts';

const COMMITS = 'servery_commits';

export async function openPostgresSink(
  address: string | { readonly secret: string },
  options: SinkOptions,
  columns: OutputColumns,
): Promise<Sink> {
  const { table, mode, intervalColumn, interval, run } = options;
  const client = await connectPostgres(address);
  const query = async (text: string, values: unknown[] = []) => {
    try {
      return await client.query(text, values);
    } catch (error) {
      const code = (error as { code?: string }).code ?? '';
      // Classes of SQLSTATE: 53 resources, 42 names and syntax, 22 and 23 values.
      if (code === '53100') throw new ServeryError('STORAGE_FULL', 'The database has no space left', { cause: error });
      throw translateFailure(error, /^(42|22|23)/.test(code) ? 'OUTPUT_INVALID' : 'DATABASE_FAILED');
    }
  };
  // A transaction that is not committed is rolled back when its connection ends.
  const close = () => client.end().catch(() => undefined);
  try {
    await query('BEGIN');
    // One run after the other: creating a table twice at once fails, and deletes must not cross.
    await query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [`servery ${table}`]);
    await query(
      `CREATE TABLE IF NOT EXISTS ${COMMITS} (run text NOT NULL, output text NOT NULL, interval text NOT NULL, rows bigint NOT NULL, PRIMARY KEY (run, output))`,
    );
    const { rowCount } = await query(`SELECT 1 FROM ${COMMITS} WHERE run = $1 AND output = $2`, [run, table]);
    const isCommitted = rowCount === 1;
    const types = columns.map(postgresType);
    if (!isCommitted) {
      const definitions = columns.map(({ name }, i) => `${ident(name)} ${types[i]!}`);
      await query(
        `CREATE TABLE IF NOT EXISTS ${tableName(table)} (${[...definitions, `${ident(intervalColumn)} text`].join(', ')})`,
      );
      const { fields } = await query(`SELECT * FROM ${tableName(table)} LIMIT 0`);
      const absent = [...columns.map(({ name }) => name), intervalColumn].find(
        (name) => !fields.some((field) => field.name === name),
      );
      if (absent !== undefined) {
        throw new ServeryError('OUTPUT_INVALID', `The table ${quote(table)} has no column ${quote(absent)}`);
      }
      if (mode === 'replaceInterval') {
        const { rows: intervals } = await query(
          `SELECT DISTINCT c.interval FROM ${COMMITS} c WHERE c.output = $1 AND EXISTS (SELECT 1 FROM ${tableName(table)} t WHERE t.${ident(intervalColumn)} = c.interval)`,
          [table],
        );
        refuseOverlap(
          options,
          intervals.map((row) => String((row as { interval: unknown }).interval)),
        );
        await query(`DELETE FROM ${tableName(table)} WHERE ${ident(intervalColumn)} = $1 OR $1 = 'all'`, [interval]);
      }
    }
    const names = [...columns.map(({ name }) => ident(name)), ident(intervalColumn)].join(', ');
    const values = types.map((type, i) => `CAST(c${i} AS ${type})`);
    const arrays = types.map((type, i) => `$${i + 2}::${type === 'bytea' ? 'bytea' : 'text'}[]`);
    const aliases = types.map((_, i) => `c${i}`);
    const insert =
      `INSERT INTO ${tableName(table)} (${names}) SELECT ${[...values, '$1'].join(', ')} ` +
      `FROM unnest(${arrays.join(', ')}) WITH ORDINALITY AS rows(${aliases.join(', ')}, n) ORDER BY n`;
    return {
      isCommitted,
      async insert(rows) {
        const lists = columns.map((_, i) => rows.map((row) => parameter(row[i])));
        await query(insert, [interval, ...lists]);
      },
      async commit(rows) {
        await query(`INSERT INTO ${COMMITS} VALUES ($1, $2, $3, $4)`, [run, table, interval, rows]);
        await query('COMMIT');
      },
      [Symbol.asyncDispose]: close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

const TYPES: Partial<Record<ColumnType, string>> = {
  BOOL: 'boolean',
  INT8: 'smallint',
  INT16: 'smallint',
  INT32: 'integer',
  INT64: 'bigint',
  UINT8: 'smallint',
  UINT16: 'integer',
  UINT32: 'bigint',
  UINT64: 'numeric(20, 0)',
  FP32: 'real',
  FP64: 'double precision',
  BYTES: 'bytea',
  LIST: 'jsonb',
};

function postgresType({ type, sqlType = '' }: OutputColumns[number]): string {
  if (sqlType === 'TIMESTAMP WITH TIME ZONE') return 'timestamptz';
  if (/^TIMESTAMP/.test(sqlType)) return 'timestamp';
  if (sqlType === 'DATE' || /^DECIMAL/.test(sqlType)) return sqlType.toLowerCase();
  return TYPES[type] ?? 'text';
}

function parameter(value: unknown): unknown {
  if (value === null || typeof value === 'string') return value;
  if (value instanceof Uint8Array) return Buffer.from(value);
  return String(value);
}
