/** The thread in which a configuration is evaluated; see config-file.ts. */
import { basename, dirname } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parentPort, workerData } from 'node:worker_threads';
import { explainFailure } from '../runtime/handler/explain-failure.ts';
import { installWorkspaceModules } from '../runtime/workspace-modules.ts';

installWorkspaceModules();
const path = workerData as string;
try {
  const module = (await import(pathToFileURL(path).href)) as { default?: unknown };
  if (module.default === undefined) parentPort!.postMessage({ problem: 'it has no default export' });
  else parentPort!.postMessage({ value: module.default });
} catch (error) {
  // Also what cannot be cloned (a function) ends here.
  const text = explainFailure(error, dirname(path));
  // Whoever reads it is told the name of the file before.
  const own = `${basename(path)}:`;
  parentPort!.postMessage({ problem: text.startsWith(own) ? `line ${text.slice(own.length)}` : text });
}
