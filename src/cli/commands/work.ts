/** `servery work`: the jobs of a workspace without its doors, until a signal ends it. */
import { resolve } from 'node:path';
import { startWork } from '../../app/work.ts';
import { openWorkspace } from '../../app/workspace.ts';
import type { Options } from '../command.ts';
import { flagsOf, signalled } from '../stay.ts';

export async function work(workspace: string, options: unknown): Promise<undefined> {
  const opened = await openWorkspace(resolve(workspace), process.env, flagsOf(options as Options));
  const stop = signalled();
  const running = await startWork(opened);
  const names = Object.keys(opened.config.jobs);
  if ((options as Options)['json'] === true) {
    process.stdout.write(`${JSON.stringify({ work: { pid: process.pid, workspace: opened.folder, jobs: names } })}\n`);
  } else process.stdout.write(`Servery works on ${names.length} jobs: ${names.join(', ') || 'none'}\n`);
  await stop.promise;
  await running[Symbol.asyncDispose]();
  process.exit();
}
