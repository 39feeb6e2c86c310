// The door of the setup: says in one line that the machine's Node.js is too old. Only syntax and modules here
// that every version has; the work is in setup-clone.mjs.

var major = parseInt(process.versions.node, 10);
if (major < 20) {
  console.error(
    'servery: this machine has Node.js ' +
      process.version +
      '; setting up a clone needs Node.js 20 or newer. Get it from https://nodejs.org/en/download',
  );
  process.exitCode = 1;
} else {
  import('./setup-clone.mjs').then(function (setup) {
    return setup.setUpClone();
  });
}
