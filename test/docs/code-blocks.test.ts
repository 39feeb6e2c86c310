/** Every code block of the documentation is run, type-checked or parsed: what is shown is true. */
import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it, test } from 'node:test';
import { promisify } from 'node:util';
import { resolveModelOptions } from '../../src/models/model-options.ts';
import { codeBlocks, type CodeBlock } from '../support/markdown.ts';
import { startServer, type RunningServer } from '../support/workspace-server.ts';
import { temporaryFolder, type TemporaryFolder } from '../support/temporary-folder.ts';

const ROOT = new URL('../../', import.meta.url).pathname;
const blocks = await codeBlocks();
/** A block that shows a file is that file, whose own test runs it; all others are run here. */
const shown = blocks.filter(({ file }) => file !== undefined);
const of = (language: string) => blocks.filter((block) => block.file === undefined && block.language === language);

describe('blocks that show a file', () => {
  for (const { where, file, text } of shown) {
    it(`${where} is ${file}`, async () => {
      assert.match(file!, /^examples\//, 'only examples have tests of their own');
      assert.equal(text, await readFile(ROOT + file!, 'utf8'));
    });
  }
});

test('every code block has a language that this file knows', () => {
  const known = ['text', 'sh', 'ts', 'json', 'yaml', 'python'];
  const unknown = blocks.filter(({ language }) => !known.includes(language)).map(({ where }) => where);
  assert.deepEqual(unknown, []);
});

test('every ts block compiles against the public API', async () => {
  const folder = `${ROOT}test/.blocks`;
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder);
  try {
    await writeFile(`${folder}/.gitignore`, '*\n');
    const names = await Promise.all(
      of('ts').map(async ({ where, text }) => {
        const name = `${where.replace(/\W+/g, '-')}.ts`;
        await writeFile(`${folder}/${name}`, `${text}export {};\n`);
        return name;
      }),
    );
    const config = {
      extends: '../../tsconfig.json',
      compilerOptions: { noEmit: true, rootDir: '../..' },
      files: names,
    };
    await writeFile(`${folder}/tsconfig.json`, JSON.stringify(config));
    const { stdout, status } = spawnSync(`${ROOT}node_modules/.bin/tsc`, ['-p', folder], { encoding: 'utf8' });
    assert.equal(status, 0, stdout);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

describe('json blocks', () => {
  for (const { where, text } of of('json')) it(`${where} is JSON`, () => void JSON.parse(text));
});

describe('yaml blocks', () => {
  for (const { where, text } of of('yaml')) it(`${where} is a model.yaml`, () => void resolveModelOptions('m', text));
});

describe('blocks that talk to a server', () => {
  let folder: TemporaryFolder;
  let server: RunningServer;

  before(async () => {
    folder = await temporaryFolder();
    await makeSandbox(folder.path);
    server = await startServer(folder.path);
  });
  after(async () => {
    await server[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  });

  const atServer = ({ text }: CodeBlock) => text.replaceAll('127.0.0.1:8080', new URL(server.http).host);

  for (const block of of('sh')) {
    if (/^(npm|uv) /.test(block.text)) {
      it(`${block.where} names scripts that exist`, async () => {
        const { default: manifest } = await import('../../package.json', { with: { type: 'json' } });
        for (const [, script = ''] of block.text.matchAll(/^npm (?:run )?([\w:]+)/gm)) {
          assert.ok(Object.hasOwn(manifest.scripts, script), script);
        }
      });
    } else {
      it(`${block.where} runs`, async () => {
        const script = `set -euo pipefail\nservery() { ${ROOT}bin/servery "$@"; }\n${atServer(block)}`;
        const { stdout } = await promisify(execFile)('bash', ['-c', script], { cwd: folder.path });
        assert.doesNotMatch(stdout, /"error"/);
      });
    }
  }

  for (const block of of('python')) {
    it(`${block.where} runs`, async () => {
      const python = process.env['SERVERY_TEST_PYTHON'];
      assert.ok(python, 'SERVERY_TEST_PYTHON names the Python of the foreign clients');
      const { stdout } = await promisify(execFile)(python, ['-c', atServer(block)]);
      const [, expected] = /# (.*)\s*$/.exec(block.text) ?? [];
      assert.equal(stdout.trim(), expected);
    });
  }
});

/** A workspace with all that the pages name: the quickstart's models, `churn` in two versions, a folder `my-shop`. */
async function makeSandbox(folder: string): Promise<void> {
  const doubler = `${ROOT}test/fixtures/models/doubler/1`;
  await cp(`${ROOT}examples/quickstart/models`, join(folder, 'models'), { recursive: true });
  for (const version of [3, 4]) await cp(doubler, join(folder, `models/churn/${version}`), { recursive: true });
  await writeFile(join(folder, 'models/churn/model.yaml'), 'versions: all\n');
  const aliases = { aliases: { champion: { version: 3 } } };
  await writeFile(join(folder, 'models/churn/aliases.json'), JSON.stringify(aliases));
  await cp(doubler, join(folder, 'my-shop/models/churn/1'), { recursive: true });
  await cp(doubler, join(folder, 'train'), { recursive: true });
}
