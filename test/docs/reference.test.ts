import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { referencePages } from '../../scripts/docs.ts';

for (const [path, expected] of Object.entries(referencePages())) {
  test(`${path} says what the code says; \`npm run docs\` prints it anew`, async () => {
    assert.equal(await readFile(new URL(`../../${path}`, import.meta.url), 'utf8'), expected);
  });
}
