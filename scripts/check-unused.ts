// Finds what nobody needs: packages that no file imports, packages that are imported and not declared, and
// values that a module exports and no other file imports. Unused imports and locals are the compiler's to find.
//
//   node scripts/check-unused.ts
import fs from 'node:fs';
import path from 'node:path';
import ts from 'typescript';

const root = path.resolve(import.meta.dirname, '..');

/** Used by name and not by import. */
const tools = new Set([
  'eslint',
  'prettier',
  'typescript',
  '@types/node',
  '@types/express',
  '@types/cli-progress',
  '@types/pg',
  '@types/pg-cursor',
  '@bufbuild/protoc-gen-es',
]);

/** Modules whose exports are for others: the public API, and generated code. */
const isPublic = (file: string) => /^src\/(index|client\/index)\.ts$|\/gen\//.test(file);

interface Module {
  readonly file: string;
  /** Specifier → imported names; `*` stands for all of them. */
  readonly imports: ReadonlyMap<string, ReadonlySet<string>>;
  readonly exportedValues: ReadonlySet<string>;
}

const modules = fs
  .globSync(['{src,test,bench,examples,scripts,bin}/**/*.{ts,mjs}', '*.js'], {
    cwd: root,
    exclude: (name) => ['node_modules', '.servery', '.peers', 'fixtures'].includes(path.basename(name)),
  })
  .sort()
  .map(read);

const problems = [...packageProblems(), ...exportProblems()];
for (const problem of problems) console.error(problem);
process.exitCode = problems.length > 0 ? 1 : 0;

function packageProblems(): string[] {
  const manifest = JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8')) as Record<
    string,
    Record<string, string> | undefined
  >;
  const shipped = new Set(Object.keys({ ...manifest['dependencies'], ...manifest['optionalDependencies'] }));
  const declared = new Set([...shipped, ...Object.keys(manifest['devDependencies'] ?? {})]);

  const found: string[] = [];
  const usedInSource = new Set<string>();
  const usedAnywhere = new Set<string>();
  for (const { file, imports } of modules) {
    for (const specifier of imports.keys()) {
      const name = packageOf(specifier);
      if (name === undefined) continue;
      usedAnywhere.add(name);
      if (file.startsWith('src/')) usedInSource.add(name);
      const allowed = file.startsWith('src/') ? shipped : declared;
      if (!allowed.has(name)) found.push(`${file} imports ${name}, which package.json does not declare for it`);
    }
  }
  for (const name of shipped) {
    if (!usedInSource.has(name)) found.push(`package.json: no file in src/ imports ${name}`);
  }
  for (const name of declared) {
    if (!shipped.has(name) && !usedAnywhere.has(name) && !tools.has(name)) {
      found.push(`package.json: nothing imports ${name}`);
    }
  }
  return found;
}

function exportProblems(): string[] {
  const used = new Map<string, Set<string>>();
  for (const { file, imports } of modules) {
    for (const [specifier, names] of imports) {
      if (!specifier.startsWith('.')) continue;
      const target = path.posix.join(path.posix.dirname(file), specifier);
      used.set(target, (used.get(target) ?? new Set()).union(names));
    }
  }
  return modules
    .filter(({ file }) => file.startsWith('src/') && !isPublic(file))
    .flatMap(({ file, exportedValues }) => {
      const names = used.get(file) ?? new Set();
      if (names.has('*')) return [];
      return [...exportedValues].filter((name) => !names.has(name)).map((name) => `${file}: nobody imports ${name}`);
    });
}

function packageOf(specifier: string): string | undefined {
  if (/^(\.|node:|servery$|servery\/)/.test(specifier)) return undefined;
  const [first = '', second = ''] = specifier.split('/');
  return first.startsWith('@') ? `${first}/${second}` : first;
}

function read(file: string): Module {
  const text = fs.readFileSync(path.join(root, file), 'utf8');
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  const imports = new Map<string, Set<string>>();
  const exportedValues = new Set<string>();

  const use = (specifier: ts.Node | undefined, names: readonly string[]) => {
    if (specifier === undefined || !ts.isStringLiteralLike(specifier)) return;
    imports.set(specifier.text, new Set([...(imports.get(specifier.text) ?? []), ...names]));
  };
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) {
      use(node.moduleSpecifier, importedNames(node.importClause));
    } else if (ts.isExportDeclaration(node)) {
      const names = node.exportClause && ts.isNamedExports(node.exportClause) ? node.exportClause.elements : undefined;
      use(node.moduleSpecifier, names?.map((element) => (element.propertyName ?? element.name).text) ?? ['*']);
      if (!node.isTypeOnly && node.moduleSpecifier === undefined) {
        for (const element of names ?? []) if (!element.isTypeOnly) exportedValues.add(element.name.text);
      }
    } else if (ts.isCallExpression(node) && loads(node.expression)) {
      use(node.arguments[0], ['*']);
    } else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
      use(node.argument.literal, ['*']);
    }
    for (const name of exportedBy(node)) exportedValues.add(name);
    ts.forEachChild(node, visit);
  };
  visit(source);
  return { file: file.replaceAll(path.sep, '/'), imports, exportedValues };
}

/** `import(…)`, or the `require` that createRequire made. */
function loads(callee: ts.Expression): boolean {
  return callee.kind === ts.SyntaxKind.ImportKeyword || (ts.isIdentifier(callee) && callee.text === 'require');
}

function importedNames(clause: ts.ImportClause | undefined): readonly string[] {
  const bindings = clause?.namedBindings;
  const named = bindings === undefined ? [] : ts.isNamespaceImport(bindings) ? ['*'] : bindings.elements;
  const names = named.map((element) =>
    typeof element === 'string' ? element : (element.propertyName ?? element.name).text,
  );
  return clause?.name ? ['default', ...names] : names;
}

/** The values that a declaration with `export` makes known; types cost nothing and are left alone. */
function exportedBy(node: ts.Node): readonly string[] {
  if (!ts.canHaveModifiers(node)) return [];
  if (!ts.getModifiers(node)?.some((modifier) => modifier.kind === ts.SyntaxKind.ExportKeyword)) return [];
  if (ts.isVariableStatement(node)) {
    return node.declarationList.declarations.flatMap(({ name }) => (ts.isIdentifier(name) ? [name.text] : []));
  }
  if ((ts.isFunctionDeclaration(node) || ts.isClassDeclaration(node)) && node.name) return [node.name.text];
  return [];
}
