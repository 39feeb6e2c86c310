// What suites report, and the table at the end of a run.

export interface SuiteResult {
  readonly name: string;
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly seconds: number;
  /** One line for each thing that somebody has to look at. */
  readonly notes: readonly string[];
}

/** Returns whether the run as a whole is good. */
export function printSummary(results: readonly SuiteResult[]): boolean {
  const sum = (pick: (result: SuiteResult) => number) => results.reduce((total, result) => total + pick(result), 0);
  const total = {
    passed: sum((result) => result.passed),
    failed: sum((result) => result.failed),
    skipped: sum((result) => result.skipped),
  };

  console.log(`\n${row('suite', 'passed', 'failed', 'skipped', 'time')}`);
  for (const { name, passed, failed, skipped, seconds } of results) {
    console.log(row(name, String(passed), String(failed), String(skipped), `${seconds.toFixed(1)} s`));
  }
  const notes = results.flatMap((result) => result.notes.map((note) => `${result.name}: ${note}`));
  if (notes.length > 0) console.log(`\n${notes.join('\n')}`);

  const skipsFail = process.env['CI'] === 'true' && total.skipped > 0;
  if (skipsFail) console.log('\nUnder CI=true nothing may be skipped.');
  console.log(`\n${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
  return total.failed === 0 && !skipsFail && total.passed > 0;
}

function row(name: string, ...cells: readonly string[]): string {
  return name.padEnd(12) + cells.map((cell) => cell.padStart(9)).join('');
}
