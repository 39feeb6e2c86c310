/**
 * Applies an edited configuration to the running models and jobs.
 *
 * A wrong one is refused and the old one kept. What is read only at the start (addresses, limits, keys)
 * is named, so that nobody waits for it to take effect.
 */
import { isDeepStrictEqual } from 'node:util';
import { watch, type FSWatcher } from 'node:fs';
import { join } from 'node:path';
import { CONFIG_FILES, JOBS_FOLDER } from '../config/config-file.ts';
import type { Config } from '../config/schema.ts';
import { notice } from '../core/events.ts';
import type { Workspace } from './workspace.ts';

/** Editors write a file in several steps. */
const SETTLE_MS = 100;

/** What is applied without a restart; whoever watches says who applies it. */
export interface LiveConfig {
  models?(config: Config): Promise<void>;
  batch?(config: Config): Promise<void>;
}

/** Which keys of the configuration each of them reads. */
const LIVE_KEYS = { models: ['models'], batch: ['jobs', 'batch', 'models'] } as const;

export function watchConfig(workspace: Workspace, live: LiveConfig): Disposable {
  let current: Config = workspace.config;
  let timer: NodeJS.Timeout | undefined;
  let last = Promise.resolve();

  async function reload(): Promise<void> {
    try {
      const next = await workspace.reload();
      const changed = changedKeys(current, next);
      if (changed.length === 0) return;
      const parts = (['models', 'batch'] as const).filter((part) => live[part] !== undefined);
      for (const part of parts) {
        if (LIVE_KEYS[part].some((key) => changed.includes(key))) await live[part]!(next);
      }
      const isLive = new Set<string>(parts.flatMap((part) => LIVE_KEYS[part]));
      // Without the part that reads them, they matter to another process.
      const atStart = changed.filter((key) => !isLive.has(key) && key !== 'jobs' && key !== 'batch');
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

  const reloadSoon = (): void => {
    clearTimeout(timer);
    timer = setTimeout(() => (last = last.then(reload)), SETTLE_MS);
  };
  const watcher = watch(workspace.folder, { persistent: false }, (_, name) => {
    if (name === JOBS_FOLDER) jobs = followJobs() ?? jobs;
    if (name === null || name === JOBS_FOLDER || CONFIG_FILES.includes(name)) reloadSoon();
  });
  watcher.on('error', (error) =>
    notice.publish({ level: 'warn', message: 'Changes of the configuration are no longer seen', error }),
  );

  /** The folder of jobs may come later, or be replaced by another. */
  function followJobs(): FSWatcher | undefined {
    jobs?.close();
    try {
      const found = watch(join(workspace.folder, JOBS_FOLDER), { persistent: false }, reloadSoon);
      return found.on('error', () => found.close());
    } catch {
      return undefined; // there is none
    }
  }
  let jobs: FSWatcher | undefined;
  jobs = followJobs();

  return {
    [Symbol.dispose]() {
      clearTimeout(timer);
      watcher.close();
      jobs?.close();
    },
  };
}

function changedKeys(before: Config, after: Config): readonly string[] {
  const keys = Object.keys(after) as (keyof Config)[];
  return keys.filter((key) => !isDeepStrictEqual(before[key], after[key]));
}
