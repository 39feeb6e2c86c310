/** SQL that is put together here: names and texts, quoted. The rules are the same for DuckDB, SQLite and PostgreSQL. */
export function ident(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

export function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
