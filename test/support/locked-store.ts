/** Another process that holds the write lock of a store, as a backup or a database shell may. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';

const PROGRAM = `
  const { DatabaseSync } = require('node:sqlite');
  const db = new DatabaseSync(process.argv[1], { timeout: 10_000 });
  db.exec('BEGIN IMMEDIATE');
  process.stdout.write('locked');
  process.stdin.once('data', () => process.exit()).once('end', () => process.exit());
`;

/** @returns when it is locked; disposing unlocks it */
export async function lockStore(file: string): Promise<AsyncDisposable> {
  const child = spawn(process.execPath, ['--no-warnings', '-e', PROGRAM, file], { stdio: ['pipe', 'pipe', 'inherit'] });
  const gone = once(child, 'close');
  await Promise.race([once(child.stdout, 'data'), gone.then(() => Promise.reject(new Error('cannot lock the store')))]);
  return {
    async [Symbol.asyncDispose]() {
      child.stdin.end();
      await gone;
    },
  };
}
