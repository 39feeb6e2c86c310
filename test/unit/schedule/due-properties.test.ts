/** However a clock runs, stands still or jumps: every occurrence is decided once, none early, and each has its reason. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { dueOccurrences } from '../../../src/schedule/due.ts';
import { scheduleOptions } from '../../../src/schedule/options.ts';
import { compileSchedule } from '../../../src/schedule/schedule.ts';

const START = Date.parse('2024-10-26T12:00Z'); // the night after it, clocks go back in Paris
const MINUTE_MS = 60_000;

const schedule = fc
  .record({
    when: fc.constantFrom<Record<string, unknown>>(
      ...[{ cron: '*/10 * * * *' }, { cron: '30 2 * * *' }, { cron: ['0 */3 * * *', '15 9 * * *'] }],
      ...[{ every: '7m' }, { every: '2h', interval: '6h' }, { cron: '@hourly', interval: 'none' }],
    ),
    delay: fc.constantFrom('0s', '5m', '3h'),
    jitter: fc.constantFrom('0s', '30s', '20m'),
    catchUp: fc.constantFrom('none', 'latest', 'all', 'coalesce'),
    catchUpMaxRuns: fc.constantFrom(1, 3, 1000),
    catchUpMaxAge: fc.constantFrom(undefined, '1h', '1d'),
  })
  .map(({ when, ...policy }) =>
    compileSchedule('job', scheduleOptions.parse({ timezone: 'Europe/Paris', ...policy, ...when })),
  );

/** Mostly ticks; sometimes away for long, or set back a little. */
const step = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 0, max: 20 * MINUTE_MS }) },
  { weight: 2, arbitrary: fc.integer({ min: 0, max: 40 * 60 * MINUTE_MS }) },
  { weight: 1, arbitrary: fc.integer({ min: -50 * MINUTE_MS, max: 0 }) },
);

test('every occurrence is decided once', () => {
  fc.assert(
    fc.property(schedule, fc.array(step, { minLength: 1, maxLength: 40 }), (job, steps) => {
      let [now, cursor] = [START, START];
      const decided: number[] = [];
      for (const stepMs of steps) {
        now = Math.max(now + stepMs, cursor - 50 * MINUTE_MS);
        const { due, suppressed, cursorMs, nextFireAtMs } = dueOccurrences(job, cursor, now);
        for (const { fireAtMs } of due) assert.ok(fireAtMs <= now, 'none is early');
        assert.ok(cursorMs >= cursor, 'the cursor never goes back');
        assert.ok(nextFireAtMs! > now, 'the next is later');
        // From the first that is on time on, none was missed: with a jitter beyond the spacing it may come with others.
        const onTime = due.findIndex(({ fireAtMs }) => now - fireAtMs <= MINUTE_MS);
        const late = onTime < 0 ? due : due.slice(0, onTime);
        if (job.options.catchUp === 'all') assert.ok(late.length <= job.options.catchUpMaxRuns, 'within the limit');
        if (job.options.catchUp === 'latest') assert.ok(due.length <= 1 || suppressed.length === 0, 'only the latest');
        const instants = [...due, ...suppressed.map(({ occurrence }) => occurrence)].map((one) => one.scheduledForMs);
        decided.push(...instants.sort((a, b) => a - b));
        cursor = cursorMs;
      }
      const expected = [...job.between(START + 1, cursor + 1)].map(({ scheduledForMs }) => scheduledForMs);
      assert.deepEqual(decided, expected);
    }),
    { numRuns: 500 },
  );
});

test('with `all` or `coalesce` and no limits, the runs cover the whole time without overlap', () => {
  const complete = fc.record({
    cron: fc.constantFrom('*/10 * * * *', '30 2 * * *', '0 */3 * * *'),
    catchUp: fc.constantFrom('all', 'coalesce'),
  });
  fc.assert(
    fc.property(complete, fc.array(step, { minLength: 1, maxLength: 40 }), (options, steps) => {
      const job = compileSchedule('job', scheduleOptions.parse({ timezone: 'Europe/Paris', ...options }));
      let [now, cursor] = [START, START];
      let covered: number | undefined;
      for (const stepMs of steps) {
        now = Math.max(now + stepMs, cursor - 50 * MINUTE_MS);
        const { due, cursorMs } = dueOccurrences(job, cursor, now);
        for (const { interval } of due) {
          if (covered !== undefined) assert.equal(interval!.startMs, covered);
          covered = interval!.endMs;
        }
        cursor = cursorMs;
      }
    }),
    { numRuns: 300 },
  );
});
