/** What the commands have in common that stay until a signal ends them: `up`, `serve`, `work`. */
import { ServeryError } from '../core/errors.ts';
import type { Options } from './command.ts';

/** Options of the configuration that were given as flags. */
export function flagsOf(options: Options): Record<string, unknown> {
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
export function signalled(): { readonly promise: Promise<void>; readonly signal: AbortSignal } {
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
