/** The method that a raw direct prediction names: Google documents it as `/namespace.Service/Method/`. */
import { ServeryError, quote } from '../../core/errors.ts';

/** @throws {ServeryError} `UNSUPPORTED` when there is none that predicts */
export function findRawMethod<T>(methodAt: (path: string) => T | undefined, name: string): T {
  const found = methodAt(`/${name.replace(/^\//, '').replace(/\/$/, '')}`);
  if (found !== undefined) return found;
  throw new ServeryError('UNSUPPORTED', `There is no method ${quote(name)} that predicts`, {
    hint: 'Name one as /inference.GRPCInferenceService/ModelInfer.',
  });
}
