/**
 * Applies an edited configuration to the running models.
 *
 * A wrong one is refused and the old one kept. What is read only at the start (addresses, limits, keys)
 * is named, so that nobody waits for it to take effect.
 */
import { isDeepStrictEqual } from 'node:util';
import { watch } from 'node:fs';
import { CONFIG_FILES } from '../config/config-file.ts';
import type { Config } from '../config/schema.ts';
import { notice } from '../core/events.ts';
import type { Models } from '../models/models.ts';
import type { Workspace } from './workspace.ts';

/** Editors write a file in several steps. */
const SETTLE_MS = 100;

export function watchConfig(workspace: Workspace, models: Models): Disposable {
  let current: Config = workspace.config;
  let timer: NodeJS.Timeout | undefined;
  let last = Promise.resolve();

  async function reload(): Promise<void> {
    try {
      const next = await workspace.reload();
      const changed = changedKeys(current, next);
      if (changed.length === 0) return;
      const atStart = changed.filter((key) => key !== 'models');
      if (changed.includes('models')) await models.configure(next.models ?? {});
      current = next;
      notice.publish({ level: 'info', message: `The configuration has changed: ${changed.join(', ')}` });
      if (atStart.length > 0) {
        notice.publish({ level: 'warn', message: `Restart the server to apply: ${atStart.join(', ')}` });
      }
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      notice.publish({ level: 'error', message: `The old configuration stays in force. ${reason}` });
    }
  }

  const watcher = watch(workspace.folder, { persistent: false }, (_, name) => {
    if (name === null || !CONFIG_FILES.includes(name)) return;
    clearTimeout(timer);
    timer = setTimeout(() => (last = last.then(reload)), SETTLE_MS);
  });
  watcher.on('error', (error) =>
    notice.publish({ level: 'warn', message: 'Changes of the configuration are no longer seen', error }),
  );
  return {
    [Symbol.dispose]() {
      clearTimeout(timer);
      watcher.close();
    },
  };
}

function changedKeys(before: Config, after: Config): readonly string[] {
  const keys = Object.keys(after) as (keyof Config)[];
  return keys.filter((key) => !isDeepStrictEqual(before[key], after[key]));
}
