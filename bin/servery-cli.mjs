#!/usr/bin/env node
// The command of the published package. It is written so that old versions of Node.js can parse it, because it
// is the only place where they can be told that they are too old.

var major = parseInt(process.versions.node, 10);
if (major < 24) {
  console.error(
    'servery: this is Node.js ' +
      process.version +
      '; Servery needs Node.js 24 or newer. Get it from https://nodejs.org/en/download',
  );
  process.exitCode = 1;
} else {
  import('../dist/cli/main.js');
}
