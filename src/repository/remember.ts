/** What was found in a file, remembered for as long as its folder stays the same: folders are looked at twice a second. */

const MOST = 10_000;

/** @returns the same look, which is taken once for each path and fingerprint */
export function rememberByFingerprint<T>(
  look: (path: string) => Promise<T>,
): (path: string, fingerprint: string) => Promise<T> {
  const remembered = new Map<string, { readonly fingerprint: string; readonly found: T }>();
  return async (path, fingerprint) => {
    const before = remembered.get(path);
    if (before?.fingerprint === fingerprint) return before.found;
    const found = await look(path);
    if (remembered.size >= MOST) remembered.clear();
    remembered.set(path, { fingerprint, found });
    return found;
  };
}
