/** Loads the models of a workspace once, without serving, to say what was resolved: for `check` and `model show`. */
import type { ModelDetails } from '../models/control-api.ts';
import { openControl } from './control.ts';
import { createFrontEndCore } from './front-end.ts';
import type { Workspace } from './workspace.ts';

/** @param only the one model that is asked for; all of them by default */
export async function inspectWorkspace(workspace: Workspace, only?: string): Promise<readonly ModelDetails[]> {
  const { modelsFolder, stateFolder, config } = workspace;
  await using control = openControl({
    modelsFolder,
    stateFolder,
    models: config.models ?? {},
    stuckAfterMs: config.stuckAfter,
  });
  // Handlers may ask other models while they warm up.
  await control.models.join(createFrontEndCore(config.defaultTimeout).models);
  await control.models.start();
  const summaries = await control.models.listModels();
  const wanted = summaries.filter(({ name }) => only === undefined || name === only);
  return await Promise.all(wanted.map(({ name }) => control.models.showModel(name)));
}
