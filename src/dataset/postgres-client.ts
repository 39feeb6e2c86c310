/** PostgreSQL, loaded when the first database is used: it is optional. */
import type { Client } from 'pg';
import { ServeryError, quote } from '../core/errors.ts';
import { translateFailure } from './failures.ts';

const CONNECT_MS = 10_000;

export async function connectPostgres(address: string | { readonly secret: string }): Promise<Client> {
  let module: typeof import('pg');
  try {
    module = await import('pg');
  } catch (cause) {
    throw new ServeryError('DATASET_MISSING', 'Cannot use PostgreSQL: pg is not installed', { cause });
  }
  const client = new module.default.Client({
    connectionString: addressText(address),
    connectionTimeoutMillis: CONNECT_MS,
    application_name: 'servery',
  });
  // A connection that breaks between two queries says so by an event; the next query says it too.
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query("SET TIME ZONE 'UTC'");
  } catch (error) {
    throw translateFailure(error, 'DATABASE_FAILED');
  }
  return client;
}

function addressText(address: string | { readonly secret: string }): string {
  if (typeof address === 'string') return address;
  const found = process.env[address.secret];
  if (found !== undefined && found !== '') return found;
  throw new ServeryError('SECRET_NOT_FOUND', `Cannot connect: ${quote(address.secret)} is not set`);
}

/** `shop.orders` → `"shop"."orders"`. */
export function tableName(table: string): string {
  return table
    .split('.')
    .map((part) => `"${part.replaceAll('"', '""')}"`)
    .join('.');
}
