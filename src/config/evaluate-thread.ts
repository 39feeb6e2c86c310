/** The thread in which a configuration is evaluated; see config-file.ts. */
import { pathToFileURL } from 'node:url';
import { parentPort, workerData } from 'node:worker_threads';
import { installWorkspaceModules } from '../runtime/workspace-modules.ts';

installWorkspaceModules();
const path = workerData as string;
try {
  const module = (await import(pathToFileURL(path).href)) as { default?: unknown };
  if (module.default === undefined) parentPort!.postMessage({ problem: 'it has no default export' });
  else parentPort!.postMessage({ value: module.default });
} catch (error) {
  // Also what cannot be cloned (a function) ends here. Only its own path could appear in the text.
  const text = error instanceof Error ? error.message : String(error);
  parentPort!.postMessage({ problem: text.replaceAll(path, 'the file') });
}
