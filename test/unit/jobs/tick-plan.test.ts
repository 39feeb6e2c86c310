import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ScheduleState } from '../../../src/engine/engine.ts';
import { planJob } from '../../../src/jobs/tick-plan.ts';
import { scheduleOptions } from '../../../src/schedule/options.ts';
import { compileSchedule } from '../../../src/schedule/schedule.ts';
import { HOUR_MS } from '../../support/engine-definitions.ts';

const state: ScheduleState = {
  cursorMs: 0,
  cursorEventId: undefined,
  isPaused: false,
  firstSeenMs: 0,
  lastSuccessEndMs: undefined,
  active: { waiting: 0, running: 0 },
};

function hourly(options: object = {}) {
  const schedule = compileSchedule('hourly', scheduleOptions.parse({ cron: '0 * * * *', ...options }));
  return { name: 'hourly', definitionHash: 'h', schedule };
}

/** The hours that run, and `-` for those that are suppressed. */
function plan(job: ReturnType<typeof hourly>, changes: Partial<ScheduleState>, nowMs: number) {
  const { entry, nextFireAtMs } = planJob(job, { ...state, ...changes }, nowMs);
  return {
    runs: entry?.runs.map((run) => run.scheduledForMs! / HOUR_MS) ?? [],
    suppressed: entry?.suppressed.map(({ scheduledForMs, reason }) => `${scheduledForMs / HOUR_MS} ${reason}`) ?? [],
    cursor: entry && entry.cursor.to / HOUR_MS,
    next: nextFireAtMs === undefined ? undefined : nextFireAtMs / HOUR_MS,
    cancelOthers: entry?.cancelOthers,
  };
}

const running = { active: { waiting: 0, running: 1 } };

describe('planJob', () => {
  it('waits until something is due', () => {
    assert.deepEqual(planJob(hourly(), state, HOUR_MS - 1), { entry: undefined, nextFireAtMs: HOUR_MS });
  });

  it('adds the run of the instant with its interval, and moves the cursor to it', () => {
    const { entry, nextFireAtMs } = planJob(hourly(), state, HOUR_MS);
    assert.equal(nextFireAtMs, 2 * HOUR_MS);
    assert.deepEqual(entry, {
      job: 'hourly',
      cursor: { of: 'instant', from: 0, to: HOUR_MS },
      runs: [
        {
          job: 'hourly',
          interval: { startMs: 0, endMs: HOUR_MS },
          scheduledForMs: HOUR_MS,
          cause: 'schedule',
          definitionHash: 'h',
        },
      ],
      suppressed: [],
      cancelOthers: undefined,
    });
  });

  it('begins where the job was first seen', () => {
    const first = { cursorMs: undefined, firstSeenMs: 5.5 * HOUR_MS };
    assert.deepEqual(plan(hourly(), first, 5.9 * HOUR_MS).runs, []);
    assert.deepEqual(plan(hourly(), first, 6 * HOUR_MS).runs, [6]);
  });

  it('does nothing while the job is paused, and catches up after that', () => {
    assert.deepEqual(plan(hourly(), { isPaused: true }, 5 * HOUR_MS).cursor, undefined);
    const caughtUp = plan(hourly({ catchUp: 'latest' }), {}, 5.5 * HOUR_MS);
    assert.deepEqual(caughtUp.runs, [5]);
    assert.deepEqual(caughtUp.suppressed.length, 4);
    assert.equal(caughtUp.cursor, 5);
  });

  for (const [overlap, runs, suppressed, cancelOthers] of [
    ['skip', [], ['1 overlap'], undefined],
    ['bufferOne', [1], [], undefined],
    ['bufferAll', [1], [], undefined],
    ['allow', [1], [], undefined],
    ['cancelOther', [1], [], 'cancel'],
    ['terminateOther', [1], [], 'terminate'],
  ] as const) {
    it(`with overlap ${overlap}, beside a run that is running`, () => {
      const result = plan(hourly({ overlap }), running, HOUR_MS);
      assert.deepEqual([result.runs, result.suppressed, result.cancelOthers], [runs, suppressed, cancelOthers]);
    });
  }

  it('buffers one only', () => {
    const result = plan(hourly({ overlap: 'bufferOne' }), { active: { waiting: 1, running: 1 } }, HOUR_MS);
    assert.deepEqual(result.suppressed, ['1 overlap']);
  });

  it('queues all that were missed where all are wanted, although runs do not overlap', () => {
    assert.deepEqual(plan(hourly({ catchUp: 'all' }), {}, 4.5 * HOUR_MS).runs, [1, 2, 3, 4]);
  });

  it('adds the run for late data, to wait for its time', () => {
    const { entry } = planJob(hourly({ allowedLateness: '2h' }), state, HOUR_MS);
    assert.deepEqual(
      entry?.runs.map(({ cause, notBeforeMs }) => [cause, notBeforeMs]),
      [
        ['schedule', undefined],
        ['late/1', 3 * HOUR_MS],
      ],
    );
  });
});
