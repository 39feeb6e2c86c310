/** `servery up` and `servery serve`: from a workspace to a server, until a signal ends it. */
import { resolve } from 'node:path';
import { ServeryError } from '../../core/errors.ts';
import { startServer, type Server } from '../../app/server.ts';
import { openWorkspace } from '../../app/workspace.ts';
import { readyText, startedText } from '../server-text.ts';
import { printFailure } from '../output.ts';

type Options = Readonly<Record<string, unknown>>;

export async function serve(workspace: string, options: unknown): Promise<undefined> {
  const wantsJson = (options as Options)['json'] === true;
  const opened = await openWorkspace(resolve(workspace), process.env, flagsOf(options as Options));
  const stop = signalled();
  const server = await startServer(opened);
  try {
    if (wantsJson) {
      const { http, grpc } = server;
      process.stdout.write(
        `${JSON.stringify({ server: { pid: process.pid, http, grpc, workspace: opened.folder } })}\n`,
      );
    } else {
      process.stdout.write(`${startedText(server)}\n`);
      void announceReady(server, stop.signal);
    }
    await stop.promise;
  } catch (error) {
    process.exitCode = printFailure(wantsJson, error);
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

function flagsOf(options: Options): Record<string, unknown> {
  const flags: Record<string, unknown> = {};
  for (const assignment of (options['set'] as string[] | undefined) ?? []) {
    const [, path, value] = /^([\w.]+)=(.*)$/s.exec(assignment) ?? [];
    if (path === undefined) {
      throw new ServeryError('USAGE', 'Cannot read --set: expected PATH=VALUE, such as http.maxBodyBytes=1000000');
    }
    flags[path] = value;
  }
  if (options['http'] !== undefined) flags['listen.http'] = options['http'];
  if (options['grpc'] !== undefined) flags['listen.grpc'] = options['grpc'];
  if (options['insecure'] === true) flags['listen.insecure'] = true;
  return flags;
}

/** Resolves at the first SIGTERM or SIGINT. A second one ends the process as signals do. */
function signalled(): { readonly promise: Promise<void>; readonly signal: AbortSignal } {
  const { promise, resolve: settle } = Promise.withResolvers<void>();
  const controller = new AbortController();
  let count = 0;
  for (const [name, code] of [
    ['SIGTERM', 143],
    ['SIGINT', 130],
  ] as const) {
    process.on(name, () => {
      count += 1;
      if (count > 1) process.exit(code);
      controller.abort();
      settle();
    });
  }
  return { promise, signal: controller.signal };
}
