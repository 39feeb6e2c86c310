/**
 * Lets the files of a workspace import `servery` and `zod` without a `node_modules` of their own.
 *
 * Both names mean the installation that is running: another copy would have other error classes and another
 * version of the schemas. Of `servery` it is the part that such files need; see workspace-entry.ts. Packages inside a `node_modules` keep what they asked for. Installed in each
 * thread that evaluates code of a workspace, and nowhere else.
 */
import { registerHooks } from 'node:module';
import { workerUrl } from '../core/worker-url.ts';

const OURS = new Map([
  ['servery', workerUrl(import.meta.url, './workspace-entry').href],
  ['servery/client', workerUrl(import.meta.url, '../client/index').href],
]);

/** Of this thread, until disposed. */
export function installWorkspaceModules(): Disposable {
  const hooks = registerHooks({
    resolve(specifier, context, nextResolve) {
      if (!isInPackage(context.parentURL)) {
        const url = OURS.get(specifier);
        if (url !== undefined) return { ...nextResolve(url, context), shortCircuit: true };
        if (specifier === 'zod' || specifier.startsWith('zod/')) {
          return nextResolve(specifier, { ...context, parentURL: import.meta.url });
        }
      }
      const found = nextResolve(specifier, context);
      if (!found.url.startsWith('file:') || !found.url.endsWith('.ts') || isInPackage(found.url)) return found;
      // TypeScript in a workspace is always modules, whatever a package.json that `npm init` left there says.
      return { ...found, format: 'module-typescript' };
    },
  });
  return { [Symbol.dispose]: () => hooks.deregister() };
}

function isInPackage(url: string | undefined): boolean {
  return url?.includes('/node_modules/') ?? false;
}
