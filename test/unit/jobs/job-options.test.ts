import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { jobsOptions } from '../../../src/jobs/job-options.ts';
import { createJob, readJob, toDefinition } from '../../../src/jobs/job.ts';
import { makeJob } from '../../support/jobs.ts';

/** Every form that a job may have, as the documentation shows it. */
const EXAMPLE = {
  'nightly-churn': {
    schedule: { cron: '0 20 * * *', timezone: 'Asia/Seoul', catchUp: 'latest', overlap: 'skip' },
    predict: {
      model: 'churn@champion',
      input: { path: 'data/orders/*.parquet', timeColumn: 'ordered_at', timeZone: 'UTC' },
      output: { path: 'scores/', format: 'parquet', mode: 'replaceInterval' },
      passthrough: ['order_id'],
      onBadRow: 'quarantine',
      maxBadRows: 100,
    },
    retry: { attempts: 3, delay: '10s', factor: 2, maxDelay: '5m', jitter: 'full', notOn: ['MODEL_NOT_FOUND'] },
    timeout: { queue: '1h', step: '30m', run: '2h' },
  },
  'weekly-training': {
    schedule: { cron: '0 3 * * MON' },
    train: {
      command: ['python', 'train.py'],
      publish: { model: 'churn', alias: 'champion' },
      gate: { metric: 'auc', higherIsBetter: true, minimum: 0.8, notWorseBy: 0.005 },
    },
  },
  hourly: { schedule: { cron: '0 * * * *' }, command: ['python', 'main.py'] },
  report: {
    schedule: { cron: '30 20 * * *' },
    steps: {
      extract: { command: ['python', 'extract.py'], timeout: '10m', env: { KEY: { secret: 'SHOP_KEY' } } },
      score: {
        needs: ['extract'],
        when: 'all_success',
        predict: { model: 'churn@champion', input: { path: 'out.csv' }, output: { path: 'report/' } },
      },
    },
  },
} as const;

describe('job options', () => {
  it('take every form of the documentation', () => {
    const jobs = jobsOptions.parse(EXAMPLE);
    const made = Object.entries(jobs).map(([name, options]) => createJob(name, options));
    assert.deepEqual(
      made.map(({ name, timezone, steps }) => [name, timezone, steps.map((step) => [step.name, step.work.kind])]),
      [
        ['nightly-churn', 'Asia/Seoul', [['predict', 'predict']]],
        ['weekly-training', 'UTC', [['train', 'train']]],
        ['hourly', 'UTC', [['command', 'command']]],
        [
          'report',
          'UTC',
          [
            ['extract', 'command'],
            ['score', 'predict'],
          ],
        ],
      ],
    );
    const [nightly] = made;
    assert.deepEqual(
      [nightly!.policy.retry.delayMs, nightly!.policy.queueTimeoutMs, nightly!.steps[0]!.timeoutMs],
      [10_000, 3_600_000, 1_800_000],
    );
  });

  for (const [what, options, problem] of [
    [
      'two names for one column of a file',
      { predict: { model: 'm', input: { path: 'a.csv', columns: { a: 'x', b: 'x' } }, output: { path: 'o/' } } },
      /expected one name for x, got a and b/,
    ],
    [
      'two kinds of step',
      { command: ['a'], predict: undefined, train: { command: ['b'], publish: { model: 'm' } } },
      /expected one of predict, command, train, steps, got command and train/,
    ],
    ['no step at all', {}, /got none/],
    ['a text without a shell', { command: 'python main.py' }, /a text needs `shell: true`/],
    ['a list with a shell', { command: ['python'], shell: true }, /expected one text/],
    [
      'a circle',
      { steps: { a: { needs: ['b'], command: ['x'] }, b: { needs: ['a'], command: ['x'] } } },
      /a needs b needs a/,
    ],
    ['an unknown need', { steps: { a: { needs: ['z'], command: ['x'] } } }, /there is no step "z"/],
    ['an unknown rule', { steps: { a: { when: 'sometimes', command: ['x'] } } }, /Invalid option/],
    [
      'a schedule that gives no parameter',
      { schedule: { cron: '@daily' }, params: { day: { type: 'string' } }, command: ['x'] },
      /a schedule gives no parameters/,
    ],
    [
      'a default that does not fit',
      { params: { n: { type: 'integer', default: 'x' } }, command: ['x'] },
      /its default does not fit/,
    ],
    ['a bare number as duration', { command: ['x'], timeout: { run: 30 } }, /expected string/],
    [
      'a metric that is not named',
      { train: { command: ['x'], publish: { model: 'm' }, gate: { minimum: 1 } } },
      /minimum and notWorseBy need it/,
    ],
  ] as const) {
    it(`refuse ${what}`, () => {
      const parsed = jobsOptions.safeParse({ job: options });
      assert.match(String(parsed.error?.issues.map((issue) => issue.message).join()), problem);
    });
  }

  it('refuse jobs that wait for each other, or for nobody', () => {
    const after = (job: string) => ({ schedule: { after: job }, command: ['x'] });
    const circle = jobsOptions.safeParse({ a: after('b'), b: after('a') });
    assert.match(circle.error!.message, /the jobs need each other in a circle: a needs b needs a/);
    assert.match(jobsOptions.safeParse({ a: after('z') }).error!.message, /there is no job \\"z\\"/);
  });
});

it('refuse the name under which requests are stored', () => {
  const parsed = jobsOptions.safeParse({ 'stored-requests': { command: ['true'] } });
  assert.match(parsed.error?.issues[0]?.message ?? '', /name is that of stored requests/);
});

describe('a job', () => {
  it('has the same hash however its configuration is ordered, and another one when it changes', () => {
    const job = makeJob('a', { command: ['x'], pool: 'gpu', timeout: { run: '1m' } });
    assert.equal(
      makeJob('a', { timeout: { run: '60s' }, pool: 'gpu', command: ['x'] }).definitionHash,
      job.definitionHash,
    );
    assert.notEqual(
      makeJob('a', { command: ['y'], pool: 'gpu', timeout: { run: '1m' } }).definitionHash,
      job.definitionHash,
    );
  });

  it('is the same when it is read back from what a run is pinned to', () => {
    for (const [name, options] of Object.entries(jobsOptions.parse(EXAMPLE))) {
      const job = createJob(name, options);
      assert.deepEqual(readJob(toDefinition(job)), job);
    }
  });
});
