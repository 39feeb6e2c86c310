/**
 * The footers of many Parquet files in few queries.
 *
 * A query costs more than a footer does: asked one by one, a thousand small files take as long to plan as to predict.
 */
import type { DuckDBConnection } from '@duckdb/node-api';
import { query } from './duckdb.ts';
import { fileToRead } from './sql-text.ts';

export interface Footer {
  readonly rows: number;
  /** Equal for files whose columns are. */
  readonly schema: string;
}

/** Each footer, or why it cannot be read, by the path of its file. */
export async function readFooters(
  connection: DuckDBConnection,
  paths: readonly string[],
): Promise<ReadonlyMap<string, Footer | Error>> {
  try {
    return await queryFooters(connection, paths);
  } catch (error) {
    if (paths.length === 1) return new Map([[paths[0]!, error as Error]]);
    // Which file it was is not told: halves find it.
    const middle = paths.length >> 1;
    const first = await readFooters(connection, paths.slice(0, middle));
    return new Map([...first, ...(await readFooters(connection, paths.slice(middle)))]);
  }
}

/** What DuckDB makes the types of columns of. */
const SCHEMA = ['name', 'type', 'type_length', 'repetition_type', 'num_children', 'converted_type']
  .concat(['scale', 'precision', 'field_id', 'logical_type', 'duckdb_type'])
  .map((field) => `'${field}': CAST(${field} AS VARCHAR)`)
  .join(', ');

async function queryFooters(
  connection: DuckDBConnection,
  paths: readonly string[],
): Promise<ReadonlyMap<string, Footer>> {
  const list = `[${paths.map(fileToRead).join(', ')}]`;
  const files = await query(connection, `SELECT file_name, num_rows FROM parquet_file_metadata(${list})`);
  const schemas = await query(
    connection,
    `SELECT file_name, md5(string_agg(CAST({${SCHEMA}} AS VARCHAR), ',' ORDER BY column_id)) AS schema ` +
      `FROM parquet_schema(${list}) GROUP BY file_name`,
  );
  const schemaOf = new Map(schemas.map(({ file_name: name, schema }) => [name, String(schema)]));
  return new Map(
    files.map(({ file_name: name, num_rows: rows }) => [
      String(name),
      { rows: Number(rows), schema: schemaOf.get(name)! },
    ]),
  );
}
