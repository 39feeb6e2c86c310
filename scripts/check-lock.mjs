// Finds what makes `npm ci` fail elsewhere: npm silently leaves an optional platform package out of the lock
// file when the registry does not offer it at that moment. Also keeps the lock file free of addresses, which
// would tie every install to the registry of the machine that wrote it, and checks that all versions are pinned.
//
//   node scripts/check-lock.mjs

import fs from 'node:fs';
import { fileURLToPath } from 'node:url';

/**
 * @typedef {{
 *   version?: string, integrity?: string, resolved?: string, link?: boolean, inBundle?: boolean,
 *   dependencies?: Record<string, string>, devDependencies?: Record<string, string>,
 *   optionalDependencies?: Record<string, string>
 * }} Entry
 */

/**
 * @param {{ packages: Record<string, Entry> }} lock
 * @returns {string[]} one line for each thing that is wrong
 */
export function problemsOfLock(lock) {
  const problems = [];
  for (const [at, entry] of Object.entries(lock.packages)) {
    for (const name of Object.keys(entry.optionalDependencies ?? {})) {
      if (!isLocked(lock.packages, at, name)) {
        problems.push(`${at || 'the project'} needs ${name}, which is not locked`);
      }
    }

    const isOurs = !at.includes('node_modules/');
    if (isOurs) {
      const wanted = { ...entry.dependencies, ...entry.devDependencies, ...entry.optionalDependencies };
      for (const [name, version] of Object.entries(wanted)) {
        if (!/^\d+\.\d+\.\d+/.test(version)) problems.push(`${at || 'the project'}: ${name} ${version} is not pinned`);
      }
    } else if (!entry.link && !entry.inBundle && !entry.integrity) {
      problems.push(`${at} has no integrity`);
    }
    if (entry.resolved && /^\w+:/.test(entry.resolved)) problems.push(`${at} names an address`);
  }
  return problems;
}

/**
 * Whether a package as seen from `at` is in the lock: in its own node_modules or in that of a folder above.
 * @param {Record<string, Entry>} packages
 * @param {string} at
 * @param {string} name
 */
function isLocked(packages, at, name) {
  for (let folder = at; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf('/')))) {
    if (packages[`${folder ? `${folder}/` : ''}node_modules/${name}`]) return true;
    if (folder === '') return false;
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const file = new URL('../package-lock.json', import.meta.url);
  const problems = problemsOfLock(JSON.parse(fs.readFileSync(file, 'utf8')));
  for (const problem of problems) console.error(`package-lock.json: ${problem}`);
  process.exitCode = problems.length > 0 ? 1 : 0;
}
