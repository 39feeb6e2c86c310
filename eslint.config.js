// Rules for mistakes that the compiler does not see. Formatting is Prettier's.

import { defineConfig, globalIgnores } from 'eslint/config';
import js from '@eslint/js';
import tseslint from 'typescript-eslint';

const relativeImport = '[source.value=/^\\.{1,2}\\u002F/]:not([source.value=/\\.(ts|mjs|js|json)$/])';
const extensionMessage = 'Node.js runs the sources as they are: name the file with its extension.';

const notErasable = [
  { selector: 'TSEnumDeclaration', message: 'Use a union of literals: Node.js only erases types.' },
  {
    selector: 'TSModuleDeclaration[kind="namespace"]',
    message: 'Use a module: Node.js only erases types.',
  },
];
const extensions = ['ImportDeclaration', 'ExportNamedDeclaration', 'ExportAllDeclaration'].map((node) => ({
  selector: `${node}${relativeImport}`,
  message: extensionMessage,
}));

export default defineConfig(
  globalIgnores([
    '**/node_modules',
    'dist',
    '.venv',
    '**/.peers',
    '.cache',
    '**/.servery',
    'src/**/gen',
    'test/**/fixtures',
    'examples/quickstart/models/flowers',
  ]),
  js.configs.recommended,
  {
    files: ['**/*.{js,mjs,ts}'],
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      // The compiler checks names, in JavaScript files too.
      'no-undef': 'off',

      curly: ['error', 'multi-line'],
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      'no-var': 'error',
      'prefer-const': 'error',
      'object-shorthand': 'error',
      'no-restricted-syntax': ['error', ...notErasable, ...extensions],
    },
  },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.base],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      // The compiler knows these better.
      'no-redeclare': 'off',
      'no-dupe-class-members': 'off',
      'no-unused-vars': 'off',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],

      // A promise that nobody awaits hides its failure.
      '@typescript-eslint/no-floating-promises': [
        'error',
        {
          // node:test awaits its tests itself.
          allowForKnownSafeCalls: [
            { from: 'package', package: 'node:test', name: ['test', 'it', 'describe', 'suite'] },
          ],
        },
      ],
      '@typescript-eslint/no-misused-promises': ['error', { checksVoidReturn: { arguments: false } }],
      '@typescript-eslint/await-thenable': 'error',
      '@typescript-eslint/only-throw-error': 'error',
      '@typescript-eslint/return-await': ['error', 'in-try-catch'],
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],

      '@typescript-eslint/consistent-type-imports': [
        'error',
        { fixStyle: 'inline-type-imports', disallowTypeAnnotations: false },
      ],
      '@typescript-eslint/no-import-type-side-effects': 'error',
      '@typescript-eslint/no-explicit-any': 'error',
    },
  },
  {
    // Only the command line speaks to a terminal; everything else announces events or logs.
    files: ['src/**/*.ts'],
    ignores: ['src/cli/**'],
    rules: { 'no-console': 'error' },
  },
  {
    // These must parse on versions of Node.js that are too old, to say so; import() is their newest syntax.
    files: ['bin/servery-cli.mjs', 'scripts/setup.mjs'],
    languageOptions: { ecmaVersion: 2020 },
    rules: {
      'no-var': 'off',
      'object-shorthand': 'off',
      'no-restricted-syntax': [
        'error',
        { selector: 'ChainExpression', message: 'Too new for old versions of Node.js.' },
        { selector: 'LogicalExpression[operator="??"]', message: 'Too new for old versions of Node.js.' },
        { selector: 'ImportDeclaration', message: 'Would be loaded before the version is checked.' },
      ],
    },
  },
);
