/** Stored requests of a workspace go to the server that holds it, whoever executes them. */
import type { RequestOptions } from '../jobs/request/options.ts';
import { requestPlaces } from '../jobs/request/places.ts';
import { runRequestStep } from '../jobs/request/run-request.ts';
import type { RunnerDeps } from '../jobs/step-runner.ts';
import { readServerFile } from './server-file.ts';

export function requestRunner(workspace: string, stateFolder: string, options: RequestOptions): RunnerDeps['request'] {
  const places = requestPlaces(workspace, stateFolder, options);
  return (context, ledger) =>
    runRequestStep(context, ledger, {
      places,
      async server() {
        const { http, key, certificate } = (await readServerFile(workspace)) ?? {};
        return http === undefined || key === undefined ? undefined : { url: http, key, certificate };
      },
    });
}
