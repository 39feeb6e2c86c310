/** What is due: one decision for a tick, a restart, an un-pause and a clock that jumps. */
import assert from 'node:assert/strict';
import { describe, it, test } from 'node:test';
import { dueOccurrences, initialCursor, type Decision } from '../../../src/schedule/due.ts';
import { scheduleOptions } from '../../../src/schedule/options.ts';
import { compileSchedule } from '../../../src/schedule/schedule.ts';
import { show } from '../../support/schedules.ts';

const at = (time: string): number => Date.parse(`2026-11-23T${time}Z`);
const timeOf = (instantMs: number | undefined): string =>
  instantMs === undefined ? 'never' : new Date(instantMs).toISOString().slice(11, 19);

function decide(
  options: Readonly<Record<string, unknown>>,
  cursor: string | number,
  now: string | number,
  lastSuccessEndMs?: number,
): Decision {
  const schedule = compileSchedule('job', scheduleOptions.parse({ cron: '*/10 * * * *', ...options }));
  const instant = (value: string | number) => (typeof value === 'string' ? at(value) : value);
  return dueOccurrences(schedule, instant(cursor), instant(now), { lastSuccessEndMs });
}

/** Due and suppressed ones by their times of day. */
function told({ due, suppressed, cursorMs, nextFireAtMs }: Decision) {
  return {
    due: due.map(({ scheduledForMs }) => timeOf(scheduledForMs)).join(' '),
    suppressed: suppressed.map(({ occurrence, reason }) => `${timeOf(occurrence.scheduledForMs)} ${reason}`),
    cursor: timeOf(cursorMs),
    next: timeOf(nextFireAtMs),
  };
}

test('nothing is due before its time', () => {
  assert.deepEqual(told(decide({}, '12:00:00', '12:09:59.999')), {
    due: '',
    suppressed: [],
    cursor: '12:00:00',
    next: '12:10:00',
  });
});

test('nothing is due half a millisecond before its time', () => {
  assert.equal(told(decide({}, '12:00:00', at('12:10:00') - 0.5)).due, '');
  assert.equal(told(decide({}, '12:00:00', at('12:10:00') + 0.5)).due, '12:10:00');
});

test('an occurrence is due at its instant, once', () => {
  const decision = decide({}, '12:00:00', '12:10:00');
  assert.deepEqual(told(decision), { due: '12:10:00', suppressed: [], cursor: '12:10:00', next: '12:20:00' });
  assert.equal(show(decision.due[0]!.interval), '11-23T12:00 11-23T12:10');
  assert.equal(told(decide({}, decision.cursorMs, '12:10:00')).due, '');
});

test('an occurrence waits for its delay', () => {
  assert.deepEqual(told(decide({ delay: '5m' }, '12:00:00', '12:14:59')).due, '');
  assert.deepEqual(told(decide({ delay: '5m' }, '12:00:00', '12:15:00')), {
    due: '12:10:00',
    suppressed: [],
    cursor: '12:10:00',
    next: '12:25:00',
  });
});

test('jitter larger than the spacing keeps the order and loses none', () => {
  const options = { jitter: '1h', catchUp: 'all' };
  const due: number[] = [];
  let cursor = at('12:00:00');
  for (let now = cursor; now < at('18:00:00'); now += 1000) {
    const decision = decide(options, cursor, now);
    for (const { scheduledForMs, fireAtMs } of decision.due) {
      assert.ok(fireAtMs <= now, 'never early');
      due.push(scheduledForMs);
    }
    cursor = decision.cursorMs;
  }
  assert.deepEqual(
    due,
    Array.from({ length: due.length }, (_, index) => at('12:10:00') + index * 600_000),
  );
  assert.ok(due.length >= 30);
});

describe('after 35 minutes without a scheduler', () => {
  const reasons = (reason: string, ...times: string[]) => times.map((time) => `${time} ${reason}`);

  it('latest runs the last', () => {
    assert.deepEqual(told(decide({ catchUp: 'latest' }, '12:00:00', '12:35:30')), {
      due: '12:30:00',
      suppressed: reasons('catchUpLatest', '12:10:00', '12:20:00'),
      cursor: '12:30:00',
      next: '12:40:00',
    });
  });

  it('none runs nothing that was missed', () => {
    assert.deepEqual(told(decide({ catchUp: 'none' }, '12:00:00', '12:35:30')), {
      due: '',
      suppressed: reasons('catchUpNone', '12:10:00', '12:20:00', '12:30:00'),
      cursor: '12:30:00',
      next: '12:40:00',
    });
  });

  it('none runs what is on time', () => {
    assert.deepEqual(told(decide({ catchUp: 'none' }, '12:00:00', '12:30:20')), {
      due: '12:30:00',
      suppressed: reasons('catchUpNone', '12:10:00', '12:20:00'),
      cursor: '12:30:00',
      next: '12:40:00',
    });
  });

  it('all runs each', () => {
    const { due, suppressed } = told(decide({ catchUp: 'all' }, '12:00:00', '12:35:30'));
    assert.deepEqual([due, suppressed], ['12:10:00 12:20:00 12:30:00', []]);
  });

  it('all keeps to its limits', () => {
    const limited = told(decide({ catchUp: 'all', catchUpMaxRuns: 2 }, '12:00:00', '12:35:30'));
    assert.equal(limited.due, '12:20:00 12:30:00');
    assert.deepEqual(limited.suppressed, reasons('catchUpMaxRuns', '12:10:00'));
    const young = told(decide({ catchUp: 'all', catchUpMaxAge: '20m' }, '12:00:00', '12:35:30'));
    assert.equal(young.due, '12:20:00 12:30:00');
    assert.deepEqual(young.suppressed, reasons('catchUpMaxAge', '12:10:00'));
  });

  it('coalesce runs once over the data of all', () => {
    const decision = decide({ catchUp: 'coalesce' }, '12:00:00', '12:35:30');
    assert.equal(show(decision.due[0]!.interval), '11-23T12:00 11-23T12:30');
    assert.deepEqual(told(decision).suppressed, reasons('coalesced', '12:10:00', '12:20:00'));
  });

  it('coalesce leaves out what is too old', () => {
    const decision = decide({ catchUp: 'coalesce', catchUpMaxAge: '20m' }, '12:00:00', '12:35:30');
    assert.equal(show(decision.due[0]!.interval), '11-23T12:10 11-23T12:30');
  });

  it('since the last success, one run covers all', () => {
    const options = { interval: 'sinceLastSuccess' };
    const decision = decide(options, '12:00:00', '12:35:30', at('11:50:00'));
    assert.equal(show(decision.due[0]!.interval), '11-23T11:50 11-23T12:30');
    assert.equal(show(decide(options, '12:00:00', '12:35:30').due[0]!.interval), '11-23T12:20 11-23T12:30');
    const covered = decide(options, '12:00:00', '12:35:30', at('12:30:00'));
    assert.deepEqual([covered.due, covered.suppressed.at(-1)!.reason], [[], 'alreadyCovered']);
  });
});

test('a tick that comes a little late is no missed one, a late tick of a fast schedule is', () => {
  const fast = { cron: '*/2 * * * * *', catchUp: 'latest' };
  assert.equal(told(decide({ ...fast, catchUp: 'none' }, '12:00:00', '12:00:02.900')).due, '12:00:02');
  assert.equal(told(decide(fast, '12:00:00', '12:00:10.100')).due, '12:00:10');
});

test('years without a scheduler cost no more than the limit, and all of them have a reason', () => {
  const started = performance.now();
  const hour = { cron: '* * * * *', catchUp: 'latest' };
  const { due, suppressed } = decide(hour, Date.parse('2024-11-23T12:00Z'), '12:00:00');
  assert.ok(performance.now() - started < 1000);
  assert.equal(due.length, 1);
  assert.equal(suppressed.length, 1000);
  const [older, first] = suppressed;
  assert.equal(new Date(older!.occurrence.scheduledForMs).toISOString(), '2024-11-23T12:01:00.000Z');
  assert.equal(older!.untilMs + 60_000, first!.occurrence.scheduledForMs);
  assert.equal(suppressed.at(-1)!.untilMs + 60_000, due[0]!.scheduledForMs);
});

test('years are coalesced whole', () => {
  const { due } = decide({ cron: '* * * * *', catchUp: 'coalesce' }, Date.parse('2026-01-01T00:00Z'), '12:00:00');
  assert.equal(show(due[0]!.interval), '01-01T00:00 11-23T12:00');
});

describe('a clock that jumps', () => {
  it('forwards is a scheduler that was away', () => {
    assert.equal(told(decide({}, '12:00:00', '13:05:00')).due, '13:00:00');
  });

  it('back by minutes is waited for, and nothing fires twice', () => {
    assert.deepEqual(told(decide({}, '12:30:00', '12:05:00')), {
      due: '',
      suppressed: [],
      cursor: '12:30:00',
      next: '12:40:00',
    });
  });

  it('back by years does not stop a schedule for years', () => {
    const decision = decide({}, Date.parse('2030-01-01T00:00Z'), '12:05:00');
    assert.deepEqual(told(decision), { due: '', suppressed: [], cursor: '12:05:00', next: '12:10:00' });
    assert.equal(told(decide({}, decision.cursorMs, '12:10:00')).due, '12:10:00');
  });
});

test('a paused job goes on as after a restart: its cursor stood still', () => {
  assert.equal(told(decide({ catchUp: 'all' }, '12:00:00', '12:25:00')).due, '12:10:00 12:20:00');
});

test('a schedule that ends says so', () => {
  const ended = decide({ end: '2026-11-23T12:10Z' }, '12:00:00', '12:10:00');
  assert.deepEqual([told(ended).due, ended.nextFireAtMs], ['12:10:00', undefined]);
});

test('a new job begins now, or at its start', () => {
  const cursorOf = (options: Record<string, unknown>) =>
    initialCursor(compileSchedule('job', scheduleOptions.parse({ cron: '@hourly', ...options })), at('12:00:00'));
  assert.equal(cursorOf({}), at('12:00:00'));
  assert.equal(cursorOf({ start: '2026-11-23T10:00' }), at('10:00:00') - 1);
  assert.equal(cursorOf({ start: '2026-11-24' }), at('12:00:00'));
});
