// Runs the whole suite, or the named parts of it, one after the other, and ends with a table and one line
// `N passed, N failed, N skipped`.
//
//   npm test                               everything
//   npm test -- unit e2e                   these suites
//   npm test -- unit --only batcher        only files whose path contains it; if none does, tests by name
//   npm test -- --verbose                  shows what passing files print too
//
// Under CI=true anything skipped is a failure: a check that did not run says nothing.
import { parseArgs } from 'node:util';
import { killRunningTests } from './test/run-file.ts';
import { printSummary, type SuiteResult } from './test/results.ts';
import { runSuite } from './test/run-suite.ts';
import { suites, type Suite } from './test/suites.ts';

const { values: options, positionals: names } = parseArgs({
  allowPositionals: true,
  options: { only: { type: 'string' }, verbose: { type: 'boolean', default: false } },
});

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    killRunningTests();
    process.exit(signal === 'SIGINT' ? 130 : 143);
  });
}

const results: SuiteResult[] = [];
for (const suite of chosen()) {
  results.push(await runSuite(suite, { only: options.only, verbose: options.verbose }));
}
process.exitCode = printSummary(results) ? 0 : 1;

function chosen(): readonly Suite[] {
  const all = suites.filter(
    (suite) => !suite.long || process.env['SERVERY_LONG'] === '1' || names.includes(suite.name),
  );
  const unknown = names.filter((name) => !suites.some((suite) => suite.name === name));
  if (unknown.length > 0) {
    console.error(`No suite ${unknown.join(', ')}. There are: ${suites.map((suite) => suite.name).join(', ')}.`);
    process.exit(2);
  }
  return names.length > 0 ? suites.filter((suite) => names.includes(suite.name)) : all;
}
