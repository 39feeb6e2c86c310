/** The thread that owns a connection to state.db: `node:sqlite` blocks whoever calls it, so nobody else does. */
import { watch as watchFolder } from 'node:fs';
import path from 'node:path';
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { toWireError, type WireError } from '../../core/errors.ts';
import { COMMANDS, type Command, type EngineMethods } from './commands.ts';
import { execute, type Result } from './execute.ts';
import { Sql } from './sql.ts';
import { Store, type Instant } from './store.ts';

export interface ThreadSettings {
  readonly file: string;
  /** Only for tests of a full disk. */
  readonly maxPages?: number;
}

export type ToThread =
  | {
      readonly id: number;
      readonly method: keyof EngineMethods;
      readonly args: readonly unknown[];
      readonly at: Instant;
    }
  | { readonly watch: boolean }
  | { readonly close: true };

export type FromThread =
  | { readonly opened: true }
  | { readonly failed: WireError }
  | { readonly changed: true }
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly error: WireError };

/** Requests that share a transaction at the most: the lock is not held for longer than these take. */
const LARGEST_GROUP = 64;
/** Where the file system says nothing of changes, they are looked for as often as this. */
const POLL_MS = 500;
/** After a change of the file. */
const LOOK_AGAIN_MS = [3, 10, 30, 100];

const port = parentPort!;
const { file, maxPages } = workerData as ThreadSettings;

try {
  serve(new Sql(file, maxPages === undefined ? {} : { maxPages }));
} catch (error) {
  post({ failed: toWireError(error) });
}

function serve(sql: Sql): void {
  const store = new Store(sql);
  let stopWatching: (() => void) | undefined;
  post({ opened: true });

  port.on('message', (first: ToThread) => {
    const calls: Extract<ToThread, { id: number }>[] = [];
    for (let message: ToThread | undefined = first; message !== undefined; message = nextMessage()) {
      if ('id' in message) calls.push(message);
      else {
        answer(calls.splice(0));
        if ('close' in message) return close();
        if (message.watch) stopWatching ??= watchChanges(sql);
        else stopWatching = void stopWatching?.();
      }
      if (calls.length >= LARGEST_GROUP) answer(calls.splice(0));
    }
    answer(calls);
  });

  function answer(calls: readonly Extract<ToThread, { id: number }>[]): void {
    if (calls.length === 0) return;
    const requests = calls.map(({ method, args, at }) => ({
      command: COMMANDS[method] as unknown as Command,
      args: args as readonly never[],
      at,
    }));
    const { results, wrote } = execute(sql, store, requests);
    for (const [index, result] of results.entries()) post(reply(calls[index]!.id, result));
    if (wrote && stopWatching !== undefined) post({ changed: true });
  }

  function close(): void {
    stopWatching?.();
    sql[Symbol.dispose]();
    port.close();
  }
}

function nextMessage(): ToThread | undefined {
  return receiveMessageOnPort(port)?.message as ToThread | undefined;
}

function reply(id: number, result: Result): FromThread {
  return 'value' in result ? { id, value: result.value } : { id, error: toWireError(result.error) };
}

function post(message: FromThread): void {
  port.postMessage(message);
}

/** Tells when another connection has committed: SQLite's log grows then, and its data version says if it was that. */
function watchChanges(sql: Sql): () => void {
  let version = sql.dataVersion();
  const look = () => {
    const now = sql.dataVersion();
    if (now === version) return;
    version = now;
    post({ changed: true });
  };
  const poll = setInterval(look, POLL_MS);
  const name = path.basename(file);
  let again: NodeJS.Timeout | undefined;
  /** The log grows before the commit can be seen: it must reach the disk first. So several looks follow an event. */
  const lookSoon = ([delayMs, ...later]: readonly number[]): void => {
    clearTimeout(again);
    if (delayMs === undefined) return;
    again = setTimeout(() => {
      look();
      lookSoon(later);
    }, delayMs);
  };
  const watcher = watchFolder(path.dirname(file), (_event, changed) => {
    if (!changed?.startsWith(name)) return;
    look();
    lookSoon(LOOK_AGAIN_MS);
  });
  watcher.on('error', () => watcher.close());
  return () => {
    clearInterval(poll);
    clearTimeout(again);
    watcher.close();
  };
}
