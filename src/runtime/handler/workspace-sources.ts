/**
 * The source files of a version as they were when it loaded.
 *
 * A version never changes while it is loaded. When one of its threads is replaced, the new one must run what
 * the others run, also when somebody has edited the files in between.
 */
import { registerHooks } from 'node:module';
import type { SourceFile } from './messages.ts';

/** Reads what `known` has from there, and adds to it what is read for the first time. */
export function keepSources(known: Map<string, SourceFile>): Disposable {
  const hooks = registerHooks({
    load(url, context, nextLoad) {
      const kept = known.get(url);
      if (kept !== undefined) return { format: kept.format, source: kept.source, shortCircuit: true };
      const loaded = nextLoad(url, context);
      const isWorkspaceFile =
        url.startsWith('file:') && !url.includes('/node_modules/') && !url.startsWith(INSTALLATION);
      const { format, source } = loaded;
      // CommonJS has no source here: Node.js reads it by itself.
      if (isWorkspaceFile && source != null) known.set(url, { format, source });
      return loaded;
    },
  });
  return { [Symbol.dispose]: () => hooks.deregister() };
}

const INSTALLATION = new URL('../../', import.meta.url).href;
