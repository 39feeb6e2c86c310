/**
 * Executes the commands that have arrived, as few transactions as possible: those that wait while one is written to
 * the disk share the next.
 *
 * A command that fails undoes itself alone. When the transaction cannot be committed, all that were in it fail, and
 * none of them was answered before.
 */
import { ServeryError } from '../../core/errors.ts';
import { failpoint } from '../../core/failpoint.ts';
import type { Command } from './commands.ts';
import { translated, type Sql } from './sql.ts';
import type { Instant, Store } from './store.ts';

export interface Request {
  readonly command: Command;
  readonly args: readonly never[];
  readonly at: Instant;
}

export type Result = { readonly value: unknown } | { readonly error: unknown };

/** @returns a result for each request, and whether anything was committed */
export function execute(sql: Sql, store: Store, requests: readonly Request[]): { results: Result[]; wrote: boolean } {
  const results: Result[] = [];
  let wrote = false;
  for (let index = 0; index < requests.length;) {
    const first = outsideTransaction(store, requests[index]!);
    if (first !== undefined) {
      results.push(first);
      index += 1;
      continue;
    }
    const group = requests.slice(index, endOfGroup(requests, index));
    const { found, isCommitted } = transaction(sql, store, group);
    results.push(...found);
    index += group.length;
    // Whoever hears of a change tries again: hearing of one that was not made, he would do so for ever.
    wrote ||= isCommitted;
  }
  return { results, wrote };
}

/** Reads, and writes that find nothing to write. */
function outsideTransaction(store: Store, { command, args, at }: Request): Result | undefined {
  return attempt(() => {
    store.setNow(at);
    if (command.kind === 'read') return { value: { value: command.run(store, ...args) } };
    return { value: command.idle?.(store, ...args) };
  });
}

function endOfGroup(requests: readonly Request[], start: number): number {
  const end = requests.findIndex(({ command }, index) => index > start && (command.kind === 'read' || command.idle));
  return end < 0 ? requests.length : end;
}

function transaction(sql: Sql, store: Store, group: readonly Request[]): { found: Result[]; isCommitted: boolean } {
  const names = group.flatMap(({ command }) => command.failpoint ?? []);
  try {
    const found = translated(() => {
      sql.begin(group.some(({ command }) => command.kind === 'durable') ? 'FULL' : 'NORMAL');
      const results = group.map((request) => inTransaction(sql, store, request));
      for (const name of names) failpoint(`engine.${name}.before`);
      sql.commit();
      return results;
    });
    for (const name of names) failpoint(`engine.${name}.after`);
    return { found, isCommitted: true };
  } catch (error) {
    translated(() => sql.rollback());
    return { found: group.map(() => ({ error })), isCommitted: false };
  }
}

function inTransaction(sql: Sql, store: Store, { command, args, at }: Request): Result {
  try {
    store.setNow(at);
    return { value: sql.nested(() => command.run(store, ...args)) };
  } catch (error) {
    // A refusal is the command's own; anything else (the disk, the lock, a bug) leaves nothing to commit.
    if (error instanceof ServeryError) return { error };
    throw error;
  }
}

function attempt(work: () => { value: { value: unknown } | undefined }): Result | undefined {
  try {
    return translated(work).value;
  } catch (error) {
    return { error };
  }
}
