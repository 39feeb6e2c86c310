// What `npm test` consists of, in its order: first what is quick to say no.

/** Something that a suite needs from the machine; see tools.ts. */
export type Tool = 'python' | 'chromium' | 'postgres';

export type Suite = CommandSuite | FileSuite;

/** A check that is one command: it passes when all of its commands exit with 0. */
export interface CommandSuite {
  readonly name: string;
  readonly commands: readonly (readonly string[])[];
  readonly long?: false;
}

/** All files `test/NAME/**\/*.test.ts`, each in a process of its own. */
export interface FileSuite {
  readonly name: string;
  readonly needs: readonly Tool[];
  /** How many files run at once. Suites that measure time or start servers run alone. */
  readonly concurrency: number;
  /** For one file. What hangs is ended then, with everything that it started. */
  readonly timeoutSeconds: number;
  /** Only for `npm run test:long`, or when it is named. */
  readonly long?: boolean;
  /** Not missed while it has no files. */
  readonly optional?: boolean;
}

const tool = (name: string, ...args: string[]) => [`node_modules/.bin/${name}`, ...args];

export const suites: readonly Suite[] = [
  {
    name: 'types',
    commands: [tool('tsc', '--noEmit', '--incremental', '--tsBuildInfoFile', 'node_modules/.cache/types.tsbuildinfo')],
  },
  {
    name: 'lint',
    commands: [tool('eslint', '--max-warnings=0', '.'), tool('prettier', '--check', '--log-level=warn', '.')],
  },
  { name: 'lock', commands: [['node', 'scripts/check-lock.mjs']] },
  { name: 'unused', commands: [['node', 'scripts/check-unused.ts']] },
  { name: 'unit', needs: [], concurrency: 2, timeoutSeconds: 120 },
  { name: 'contract', needs: [], concurrency: 2, timeoutSeconds: 180 },
  { name: 'e2e', needs: [], concurrency: 1, timeoutSeconds: 300 },
  { name: 'browser', needs: ['chromium'], concurrency: 1, timeoutSeconds: 180 },
  { name: 'database', needs: ['postgres'], concurrency: 1, timeoutSeconds: 180 },
  { name: 'foreign', needs: ['python'], concurrency: 1, timeoutSeconds: 300 },
  { name: 'examples', needs: [], concurrency: 1, timeoutSeconds: 300 },
  { name: 'docs', needs: ['python'], concurrency: 1, timeoutSeconds: 300 },
  { name: 'bench', commands: [['node', '--conditions=servery-source', 'bench/main.ts', 'smoke']] },
  { name: 'package', needs: [], concurrency: 1, timeoutSeconds: 600 },
  { name: 'long', needs: [], concurrency: 1, timeoutSeconds: 3600, long: true, optional: true },
];
