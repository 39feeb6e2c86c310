// Builds dist/, what is published: the sources as JavaScript with declarations, and the files beside them that
// the code reads (a page, a schema). `npm pack` and `npm publish` run it first.

import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const dist = path.join(root, 'dist');

fs.rmSync(dist, { recursive: true, force: true });
const compiler = path.join(root, 'node_modules', 'typescript', 'bin', 'tsc');
// Standard output stays free: `npm pack --json` writes its answer there.
const done = spawnSync(process.execPath, [compiler, '-p', 'tsconfig.build.json'], { cwd: root, encoding: 'utf8' });
if (done.status !== 0) {
  console.error(`${done.stdout}${done.stderr}`.trimEnd());
  process.exit(1);
}
fs.cpSync(path.join(root, 'src'), dist, {
  recursive: true,
  filter: (file) => !/\.(ts|md)$/.test(file),
});

// The compiler rewrites `import('./x.ts')` to `.js`, but not in a file that it also rewrites `using` in.
const left = fs
  .globSync('**/*.js', { cwd: dist })
  .filter((file) => /\bimport\(\s*'\.[^']*\.ts'/.test(fs.readFileSync(path.join(dist, file), 'utf8')));
if (left.length > 0) {
  console.error(`These files still import TypeScript: ${left.join(', ')}`);
  process.exit(1);
}
