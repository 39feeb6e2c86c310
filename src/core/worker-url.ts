/**
 * Where a thread's entry file is.
 *
 * A clone runs the `.ts` sources and the published package the `.js` build. TypeScript rewrites import
 * specifiers but not `new URL('./thread.ts', import.meta.url)`, so threads are named without extension.
 */
export function workerUrl(importMetaUrl: string, path: string): URL {
  const extension = importMetaUrl.endsWith('.ts') ? '.ts' : '.js';
  return new URL(`${path}${extension}`, importMetaUrl);
}
