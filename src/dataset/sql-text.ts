/** SQL that is put together here: names and texts, quoted. The rules are the same for DuckDB, SQLite and PostgreSQL. */
export function ident(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

export function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** A text that may be missing. */
export function textOrNull(text: string | null): string {
  return text === null ? 'CAST(NULL AS VARCHAR)' : literal(text);
}

/** The path of one file to read, for DuckDB, which takes `a[1].parquet` for a pattern and reads `a1.parquet`. */
export function fileToRead(path: string): string {
  return literal(path.replace(/[[*?]/g, '[$&]'));
}
