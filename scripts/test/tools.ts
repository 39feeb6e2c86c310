// Gets what a suite needs from the machine, or says in one line why it cannot.
import { accessSync, constants, existsSync, globSync } from 'node:fs';
import path from 'node:path';
import { installDebianPackages } from '../debian.mjs';
import { pythonEnvironment } from '../python-env.mjs';
import { root } from './run-file.ts';
import type { FileSuite, Tool } from './suites.ts';

type Provided = { readonly env: Readonly<Record<string, string>> } | { readonly missing: string };

/** The environment in which the suite's tests find their tools. */
export async function provide(suite: FileSuite): Promise<Provided> {
  const env: Record<string, string> = {};
  for (const tool of suite.needs) {
    const provided = await providers[tool](suite);
    if ('missing' in provided) return provided;
    Object.assign(env, provided.env);
  }
  return { env };
}

const providers: Readonly<Record<Tool, (suite: FileSuite) => Promise<Provided> | Provided>> = {
  /** `SERVERY_TEST_PYTHON`: an interpreter with what `test/SUITE/requirements.txt` names. */
  async python(suite) {
    const requirements = path.join(root, 'test', suite.name, 'requirements.txt');
    if (!existsSync(requirements)) return { missing: `test/${suite.name}/requirements.txt is not there` };
    try {
      return { env: { SERVERY_TEST_PYTHON: await pythonEnvironment(suite.name, requirements) } };
    } catch (error) {
      return { missing: error instanceof Error ? error.message : String(error) };
    }
  },

  /** `SERVERY_TEST_CHROMIUM`: a browser for Playwright's `executablePath`. */
  chromium() {
    const find = () => onPath('chromium') ?? onPath('chromium-browser') ?? onPath('google-chrome');
    const found = find() ?? (installDebianPackages(['chromium']) ? find() : undefined);
    return found === undefined ? { missing: 'needs Chromium' } : { env: { SERVERY_TEST_CHROMIUM: found } };
  },

  /** `SERVERY_TEST_POSTGRES`: the folder of PostgreSQL's programs, from which a test starts a server of its own. */
  postgres() {
    const find = () => {
      const initdb = onPath('initdb') ?? globSync('/usr/lib/postgresql/*/bin/initdb').sort().at(-1);
      return initdb === undefined ? undefined : path.dirname(initdb);
    };
    const found = find() ?? (installDebianPackages(['postgresql']) ? find() : undefined);
    return found === undefined ? { missing: 'needs PostgreSQL' } : { env: { SERVERY_TEST_POSTGRES: found } };
  },
};

function onPath(program: string): string | undefined {
  for (const folder of (process.env['PATH'] ?? '').split(path.delimiter)) {
    const file = path.join(folder, program);
    try {
      accessSync(file, constants.X_OK);
      return file;
    } catch {
      // Not in this folder.
    }
  }
  return undefined;
}
