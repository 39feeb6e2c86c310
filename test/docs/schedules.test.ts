/** What docs/schedules.md says of options and expressions is what the code takes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { scheduleOptions } from '../../src/schedule/options.ts';
import { codeBlocks, readPage } from '../support/markdown.ts';

const page = await readPage('docs/schedules.md');

test('every json block is a schedule', async () => {
  const blocks = (await codeBlocks()).filter(({ where, language }) => {
    return where.startsWith('docs/schedules.md') && language === 'json';
  });
  assert.ok(blocks.length > 0);
  for (const { where, text } of blocks) {
    const { error } = scheduleOptions.safeParse(JSON.parse(text));
    assert.equal(error, undefined, where);
  }
});

test('every option is on the page', () => {
  const missing = Object.keys(scheduleOptions.shape).filter((name) => !page.includes(name));
  assert.deepEqual(missing, []);
});
