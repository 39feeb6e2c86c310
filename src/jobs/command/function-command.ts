/** How a function of the workspace is run: by a Node.js of its own, so that it can be stopped and cannot harm a worker. */
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { workerUrl } from '../../core/worker-url.ts';

/** @param name MODULE#EXPORT; without an export the default one */
export function functionCommand(workspace: string, name: string): readonly string[] {
  const [module = '', exported = 'default'] = name.split('#');
  const entry = fileURLToPath(workerUrl(import.meta.url, './function-process'));
  return [process.execPath, ...conditions(), entry, resolve(workspace, module), exported];
}

/** The sources of a clone need the condition that this process has. Other flags are for the server alone. */
function conditions(): readonly string[] {
  return process.execArgv.filter((flag) => flag.startsWith('--conditions='));
}
