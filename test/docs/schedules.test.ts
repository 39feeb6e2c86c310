/** docs/schedules.md leaves out no option; its code blocks are compiled and run with those of the other pages. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { scheduleOptions } from '../../src/schedule/options.ts';
import { readPage } from '../support/markdown.ts';

test('every option of a schedule is on the page', async () => {
  const page = await readPage('docs/schedules.md');
  const missing = Object.keys(scheduleOptions.shape).filter((name) => !page.includes(`\`${name}`));
  assert.deepEqual(missing, []);
});
