// Installs Debian packages that tests need (a browser, Python's venv), but only where nobody minds: as root on a
// throw-away machine, which CI=true says.

import { spawnSync } from 'node:child_process';

/**
 * @param {string[]} packages
 * @returns {boolean} whether they are there now
 */
export function installDebianPackages(packages) {
  if (process.env['CI'] !== 'true' || process.getuid?.() !== 0) return false;
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const apt = (/** @type {string[]} */ ...args) => {
    const done = spawnSync('apt-get', ['-qq', ...args], { env, stdio: ['ignore', 'ignore', 'inherit'] });
    return done.status === 0;
  };
  console.error(`servery: installing ${packages.join(', ')} …`);
  return apt('update') && apt('install', '-y', '--no-install-recommends', ...packages);
}
