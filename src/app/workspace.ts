/** A workspace: the folder that a user keeps, and the configuration that applies to it. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { CONFIG_FILES, JOBS_FOLDER } from '../config/config-file.ts';
import { loadConfig, type ConfigSources } from '../config/config.ts';
import type { Config } from '../config/schema.ts';
import { ServeryError } from '../core/errors.ts';

export interface Workspace {
  /** Absolute. */
  readonly folder: string;
  readonly modelsFolder: string;
  /** `.servery`: state, never edited by hand. */
  readonly stateFolder: string;
  readonly config: Config;
  /** Reads the configuration anew, from the same sources. */
  reload(): Promise<Config>;
}

/**
 * @param folder absolute
 * @throws {ServeryError} `WORKSPACE_NOT_FOUND`, `CONFIG_INVALID`
 */
export async function openWorkspace(
  folder: string,
  env: ConfigSources['env'],
  flags: ConfigSources['flags'],
): Promise<Workspace> {
  const modelsFolder = join(folder, 'models');
  const marks = await Promise.all(
    ['models', JOBS_FOLDER, ...CONFIG_FILES].map((name) => stat(join(folder, name)).catch(() => undefined)),
  );
  if (marks.every((mark) => mark === undefined)) {
    throw new ServeryError(
      'WORKSPACE_NOT_FOUND',
      `Cannot find a workspace in ${folder}: it has no models/, no jobs/ and no servery.config`,
    );
  }
  const reload = () => loadConfig({ workspace: folder, env, flags });
  return { folder, modelsFolder, stateFolder: join(folder, '.servery'), config: await reload(), reload };
}
