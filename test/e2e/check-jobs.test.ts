import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { checkJobs, type JobCheck } from '../../src/app/check-jobs.ts';
import { openWorkspace } from '../../src/app/workspace.ts';
import { workspaceWith } from '../support/workspace-server.ts';

const HEADER = 'order_id,sepal_length,sepal_width,petal_length,petal_width\n';
const GOOD = `${HEADER}1,5.1,3.5,1.4,0.2\n2,6.1,2.8,4.7,1.2\n`;

describe('checkJobs()', { timeout: 60_000 }, () => {
  it('finds nothing wrong with rows that go through the model', async () => {
    const check = await checkOf(predict({}), { 'rows.csv': GOOD });
    assert.deepEqual(check, { job: 'job', notes: ['predict: 2 rows went through iris/1'], problems: [], warnings: [] });
  });

  for (const [what, job, files, problem] of [
    ['a model that is not there', predict({ model: 'nobody' }), { 'rows.csv': GOOD }, /MODEL_NOT_FOUND/],
    ['a column that is missing', predict({}), { 'rows.csv': 'sepal_length\n5\n' }, /DATA_INVALID: .*sepal_width/],
    ['a column that is not to be passed through', predict({ passthrough: ['id'] }), { 'rows.csv': GOOD }, /"id"/],
    [
      'a value of the wrong type',
      predict({}),
      { 'rows.csv': `${HEADER}1,much,3,1,0\n` },
      /1 of the first 1 rows: INVALID_INPUT/,
    ],
    ['a program that is not there', { command: ['no-such-program'] }, {}, /there is no program no-such-program/],
    ['a folder that is not there', { command: ['true'], cwd: 'nowhere' }, {}, /its cwd nowhere is not a folder/],
    [
      'a function that is not there',
      { train: { function: 'no.ts', publish: { model: 'm' } } },
      {},
      /there is no file no\.ts/,
    ],
  ] as const) {
    it(`finds ${what}`, async () => {
      const { problems } = await checkOf(job, files);
      assert.match(problems.join('\n'), problem);
    });
  }

  for (const [what, job, files, warning] of [
    ['data that is not there yet', predict({}), {}, /DATA_NOT_FOUND/],
    [
      'rows that will be put aside',
      predict({ onBadRow: 'quarantine' }),
      { 'rows.csv': `${GOOD}3,much,3,1,0\n` },
      /1 of the first 3 rows/,
    ],
    [
      'a secret that is not set',
      { command: ['true'], env: { A: { secret: 'NOT_SET_HERE' } } },
      {},
      /NOT_SET_HERE is not set/,
    ],
    ['two day fields', { command: ['true'], schedule: { cron: '0 0 13 * 5' } }, {}, /day/],
  ] as const) {
    it(`warns of ${what}`, async () => {
      const { problems, warnings } = await checkOf(job, files);
      assert.deepEqual(problems, []);
      assert.match(warnings.join('\n'), warning);
    });
  }
});

function predict(changes: object): object {
  return { predict: { model: 'iris', input: { path: 'rows.csv' }, output: { path: 'out.csv' }, ...changes } };
}

async function checkOf(job: object, files: Readonly<Record<string, string>>): Promise<JobCheck> {
  await using folder = await workspaceWith({ iris: 'examples/quickstart/models/iris' });
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder.path, name), text);
  await mkdir(join(folder.path, 'jobs'));
  await writeFile(join(folder.path, 'jobs/job.json'), JSON.stringify(job));
  const [check] = await checkJobs(await openWorkspace(folder.path, {}, {}));
  return check!;
}
