// Starts npm where nobody else has: found beside a Node.js, and free of what a surrounding npm hands down.

import fs from 'node:fs';
import path from 'node:path';

/**
 * The npm that runs us, else the one beside a Node.js (`node` or one on PATH), else the first on PATH.
 * @param {string} node runs it
 * @returns {{ command: string, args: string[], shell: boolean }}
 */
export function findNpm(node) {
  const cli = path.join('node_modules', 'npm', 'bin', 'npm-cli.js');
  const onPath = (process.env['PATH'] ?? '').split(path.delimiter).filter((folder) => path.isAbsolute(folder));
  const candidates = [
    process.env['npm_execpath'],
    ...[path.dirname(node), ...onPath].flatMap((folder) => [
      path.join(folder, '..', 'lib', cli),
      path.join(folder, cli),
    ]),
  ];
  for (const candidate of candidates) {
    // npm_execpath names yarn or pnpm when they run us; the lock file is npm's.
    if (candidate && path.basename(candidate) === 'npm-cli.js' && fs.existsSync(candidate)) {
      return { command: node, args: [candidate], shell: false };
    }
  }
  return { command: 'npm', args: [], shell: process.platform === 'win32' };
}

/**
 * Settings which a surrounding npm hands down (as `npm test --workspace x` does) would change an install
 * elsewhere; what the user configured in files or with NPM_CONFIG_… stays.
 * @param {NodeJS.ProcessEnv} environment
 */
export function withoutNpmVariables(environment) {
  const handedDown = [
    /^npm_(command|lifecycle_\w+|package_\w+)$/,
    /^npm_config_(workspaces?|omit|include|production|dry_run|local_prefix|global_prefix|prefix)$/,
  ];
  const kept = Object.entries(environment).filter(([name]) => !handedDown.some((pattern) => pattern.test(name)));
  return Object.fromEntries(kept);
}
