/** `servery up` and `servery serve`: from a workspace to a server, with or without its jobs, until a signal ends it. */
import { resolve } from 'node:path';
import { startScheduler } from '../../app/scheduler.ts';
import { startServer, type Server } from '../../app/server.ts';
import { openWorkspace } from '../../app/workspace.ts';
import { readyText, startedText } from '../server-text.ts';
import type { Options } from '../command.ts';
import { printFailure } from '../output.ts';
import { letYoungGenerationsGrow } from '../small-start.ts';
import { flagsOf, signalled } from '../stay.ts';

export async function up(workspace: string, options: unknown): Promise<undefined> {
  return stay(workspace, options, startScheduler);
}

export async function serve(workspace: string, options: unknown): Promise<undefined> {
  return stay(workspace, options);
}

async function stay(workspace: string, options: unknown, openBatch?: typeof startScheduler): Promise<undefined> {
  const wantsJson = (options as Options)['json'] === true;
  const opened = await openWorkspace(resolve(workspace), process.env, flagsOf(options as Options));
  const stop = signalled();
  const server = await startServer(opened, openBatch);
  server.firstReady.then(letYoungGenerationsGrow, letYoungGenerationsGrow);
  try {
    if (wantsJson) {
      const { http, grpc } = server;
      process.stdout.write(
        `${JSON.stringify({ server: { pid: process.pid, http, grpc, workspace: opened.folder } })}\n`,
      );
    } else {
      process.stdout.write(`${startedText(server)}\n`);
      announceReady(server, stop.signal).catch(() => undefined);
    }
    // Where what is there at the start cannot even be looked at, nothing would ever be served.
    await Promise.race([stop.promise, server.firstReady.then(() => stop.promise)]);
  } catch (error) {
    process.exitCode = printFailure(false, error); // standard output has its document
  } finally {
    await server[Symbol.asyncDispose]();
  }
  // Everything is closed. What could still hold the process is a thread that never gives in.
  process.exit();
}

async function announceReady(server: Server, signal: AbortSignal): Promise<void> {
  const models = await server.firstReady;
  if (!signal.aborted) process.stdout.write(`${readyText(server, models)}\n`);
}
