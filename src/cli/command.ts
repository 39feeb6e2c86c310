/** How commands are put together: each takes `--json`, gives its result in both forms, and ends in one place. */
import type { Command } from 'commander';
import { report, type Result } from './output.ts';

export type Options = Readonly<Record<string, unknown>>;

export function command(parent: Command, name: string, description: string): Command {
  return parent.command(name).description(description).option('--json', 'print one JSON document');
}

/** Commander appends the options and the command to the arguments of an action. */
export function run(action: (...args: readonly unknown[]) => Promise<Result | undefined>) {
  return async (...args: unknown[]): Promise<void> => {
    const self = args.pop() as Command;
    await report(self.opts()['json'] === true, () => action(...args));
  };
}

export function workspaceOf(options: unknown): string {
  return String((options as Options)['workspace']);
}
