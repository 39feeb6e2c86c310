/**
 * What `import … from 'servery'` means in the files of a workspace.
 *
 * The same names as the package's own entry, but light: each handler thread loads this, and none of them may
 * load the server or ONNX Runtime. A test compares the names.
 */
import { ServeryError } from '../core/errors.ts';

export { ERROR_CATALOG, ServeryError } from '../core/errors.ts';
export { defineHandler } from './define-handler.ts';

/** The types are those of the package's entry, which an editor sees. */
export function defineConfig(config: unknown): unknown {
  return config;
}

export function createServery(): never {
  throw new ServeryError('UNSUPPORTED', 'Cannot start a server from a file of a workspace', {
    hint: 'Call createServery() in a program of your own.',
  });
}
