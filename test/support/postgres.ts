/** A PostgreSQL server that lives as long as a test file. */
import { execFileSync } from 'node:child_process';
import { chownSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from './free-port.ts';
import { temporaryFolder } from './temporary-folder.ts';

export interface Postgres extends AsyncDisposable {
  readonly address: string;
}

export async function startPostgres(programs: string): Promise<Postgres> {
  const folder = await temporaryFolder();
  const data = join(folder.path, 'data');
  mkdirSync(data);
  const port = await freePort();
  // It refuses to run as root; the package has brought an account for it.
  const isRoot = process.getuid?.() === 0;
  const id = (flag: string) => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
  if (isRoot) for (const path of [folder.path, data]) chownSync(path, id('-u'), id('-g'));
  const run = (program: string, ...args: string[]) => {
    const command = [join(programs, program), ...args];
    const asUser = ['setpriv', '--reuid=postgres', '--regid=postgres', '--clear-groups', ...command];
    const [file = '', ...rest] = isRoot ? asUser : command;
    execFileSync(file, rest, { stdio: ['ignore', 'ignore', 'inherit'], cwd: folder.path });
  };
  run('initdb', '-D', data, '-A', 'trust', '-U', 'servery', '--no-sync', '-E', 'UTF8');
  const settings = `-c listen_addresses=127.0.0.1 -p ${port} -k ${data} -c fsync=off`;
  run('pg_ctl', '-D', data, '-w', '-l', join(data, 'log'), '-o', settings, 'start');
  return {
    address: `postgres://servery@127.0.0.1:${port}/postgres`,
    async [Symbol.asyncDispose]() {
      run('pg_ctl', '-D', data, '-m', 'immediate', 'stop');
      await folder[Symbol.asyncDispose]();
    },
  };
}
