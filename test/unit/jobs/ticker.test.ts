/** The loop on a real engine, with a clock that the test moves. */
import assert from 'node:assert/strict';
import path from 'node:path';
import { describe, it } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import type { Engine } from '../../../src/engine/engine.ts';
import { openSqliteEngine } from '../../../src/engine/sqlite/open.ts';
import { Ticker } from '../../../src/jobs/ticker.ts';
import { scheduleOptions } from '../../../src/schedule/options.ts';
import { compileSchedule } from '../../../src/schedule/schedule.ts';
import { definition, HOUR_MS, LIMITS } from '../../support/engine-definitions.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const MINUTE_MS = 60_000;
const retention = { runsMs: 30 * 24 * HOUR_MS, keepRuns: 100, maxRuns: 10_000, eventsMs: 24 * HOUR_MS };
const worker = { id: 'worker', capacity: 100, leaseMs: 15_000 };

function configurationOf(schedules: Readonly<Record<string, object>>) {
  const jobs = Object.entries(schedules).map(([name, options]) => {
    const parsed = scheduleOptions.parse(options);
    const job = definition(name, { overlapping: parsed.overlap === 'allow' });
    return { name, definitionHash: job.hash, schedule: compileSchedule(name, parsed), definition: job };
  });
  return { jobs, definitions: jobs.map((job) => job.definition), limits: LIMITS };
}

class Stage implements AsyncDisposable {
  readonly wall = new ManualClock();
  readonly steady = new ManualClock();
  readonly #stack = new AsyncDisposableStack();
  readonly file: string;
  tickers = 0;

  static async open(): Promise<Stage> {
    const folder = await temporaryFolder();
    const stage = new Stage(path.join(folder.path, 'state.db'));
    stage.#stack.use(folder);
    stage.wall.set(Date.UTC(2026, 10, 23, 11, 0, 30));
    return stage;
  }

  private constructor(file: string) {
    this.file = file;
  }

  async engine(): Promise<Engine> {
    return this.#stack.use(await openSqliteEngine({ file: this.file, wall: this.wall, steady: this.steady }));
  }

  async ticker(engine: Engine, schedules: Readonly<Record<string, object>>): Promise<Ticker> {
    this.tickers += 1;
    const ticker = new Ticker({ engine, clock: this.wall, retention, holder: `ticker-${this.tickers}` });
    this.#stack.use(ticker);
    await ticker.configure(configurationOf(schedules));
    return ticker;
  }

  /** Time passes, second by second; the loop has its turn after each. */
  async pass(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= 1000) {
      this.steady.advance(Math.min(1000, left));
      this.wall.advance(Math.min(1000, left));
      await this.settled();
    }
  }

  /** Until every loop sleeps. */
  async settled(): Promise<void> {
    for (let quiet = 0; quiet < 20;) {
      await setImmediate();
      quiet = this.wall.pendingTimers >= 1 ? quiet + 1 : 0;
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stack.disposeAsync();
  }
}

async function runs(engine: Engine): Promise<string[]> {
  const { items } = await engine.listRuns({ limit: 1000 });
  return items.map(({ id }) => id.replaceAll('20261123T', '')).reverse();
}

/** Ends every run that may run now. */
async function work(engine: Engine): Promise<void> {
  for (const { lease } of await engine.claim(worker, 100)) await engine.finishAttempt(lease, { state: 'succeeded' });
}

describe('Ticker', () => {
  it('adds each run at its instant, with the interval that it covers', async () => {
    await using stage = await Stage.open();
    const engine = await stage.engine();
    await stage.ticker(engine, { minutely: { cron: '* * * * *', overlap: 'allow' } });
    await stage.pass(MINUTE_MS);
    assert.deepEqual(await runs(engine), ['minutely~110000Z-110100Z~schedule']);
    const [run] = (await engine.listRuns({ limit: 1 })).items;
    assert.equal(run?.createdMs, Date.UTC(2026, 10, 23, 11, 1));
    await stage.pass(2 * MINUTE_MS);
    assert.equal((await runs(engine)).length, 3);
  });

  it('goes on from the cursor after a restart, as catchUp says', async () => {
    await using stage = await Stage.open();
    const engine = await stage.engine();
    const schedules = {
      all: { cron: '0 * * * *', catchUp: 'all' },
      latest: { cron: '0 * * * *', catchUp: 'latest' },
      none: { cron: '0 * * * *', catchUp: 'none' },
      together: { cron: '0 * * * *', catchUp: 'coalesce' },
    };
    const first = await stage.ticker(engine, schedules);
    await stage.settled();
    await first[Symbol.asyncDispose]();
    stage.wall.set(stage.wall.now() + 3 * HOUR_MS + 5 * MINUTE_MS);
    await stage.ticker(engine, schedules);
    await stage.settled();
    assert.deepEqual((await runs(engine)).sort(), [
      'all~110000Z-120000Z~schedule',
      'all~120000Z-130000Z~schedule',
      'all~130000Z-140000Z~schedule',
      'latest~130000Z-140000Z~schedule',
      'together~110000Z-140000Z~schedule',
    ]);
    const skipped = await engine.listSuppressed({ job: 'none', limit: 10 });
    assert.deepEqual(
      skipped.items.map(({ reason }) => reason),
      ['catchUpNone', 'catchUpNone', 'catchUpNone'],
    );
  });

  it('catches up after a pause as after a restart', async () => {
    await using stage = await Stage.open();
    const engine = await stage.engine();
    await stage.ticker(engine, { minutely: { cron: '* * * * *', overlap: 'allow', catchUp: 'latest' } });
    await stage.settled();
    await engine.pauseJob('minutely', 'maintenance');
    await stage.pass(5 * MINUTE_MS);
    assert.deepEqual(await runs(engine), []);
    await engine.resumeJob('minutely');
    await until(async () => (await runs(engine)).length > 0);
    assert.deepEqual(await runs(engine), ['minutely~110400Z-110500Z~schedule']);
  });

  it('takes a clock that jumps forward for missed time, and one that goes back for nothing', async () => {
    await using stage = await Stage.open();
    const engine = await stage.engine();
    await stage.ticker(engine, { minutely: { cron: '* * * * *', overlap: 'allow', catchUp: 'all' } });
    await stage.pass(MINUTE_MS);
    stage.wall.set(stage.wall.now() + 3 * MINUTE_MS);
    await stage.pass(1000);
    assert.equal((await runs(engine)).length, 4);
    stage.wall.set(stage.wall.now() - 2 * MINUTE_MS);
    await stage.pass(2 * MINUTE_MS);
    assert.equal((await runs(engine)).length, 4, 'those minutes have had their runs');
    await stage.pass(MINUTE_MS);
    assert.equal((await runs(engine)).length, 5);
  });

  it('does not overlap, and says what it left out', async () => {
    await using stage = await Stage.open();
    const engine = await stage.engine();
    await stage.ticker(engine, { minutely: { cron: '* * * * *' } });
    await stage.pass(3 * MINUTE_MS);
    assert.equal((await runs(engine)).length, 1);
    const skipped = await engine.listSuppressed({ job: 'minutely', limit: 10 });
    assert.deepEqual(
      skipped.items.map(({ reason }) => reason),
      ['overlap', 'overlap'],
    );
    await work(engine);
    await stage.pass(MINUTE_MS);
    assert.equal((await runs(engine)).length, 2);
  });

  it('runs a job after each success of another, over the same interval', async () => {
    await using stage = await Stage.open();
    const engine = await stage.engine();
    await stage.ticker(engine, {
      report: { after: 'minutely', overlap: 'allow' },
      minutely: { cron: '* * * * *', overlap: 'allow' },
    });
    await stage.pass(MINUTE_MS);
    await work(engine);
    await until(async () => (await runs(engine)).length === 2);
    assert.equal((await runs(engine))[1], 'report~110000Z-110100Z~schedule');
    await stage.pass(MINUTE_MS);
    const [lease] = await engine.claim(worker, 9).then((all) => all.filter(({ run }) => run.job === 'minutely'));
    await engine.finishAttempt(lease!.lease, { state: 'failed', error: { code: 'X', message: '' } });
    await stage.pass(1000);
    assert.equal((await runs(engine)).length, 3, 'a failure is not followed');
  });

  it('changes with the configuration', async () => {
    await using stage = await Stage.open();
    const engine = await stage.engine();
    const ticker = await stage.ticker(engine, { a: { cron: '* * * * *' }, b: { cron: '* * * * *' } });
    await ticker.configure(
      configurationOf({ b: { cron: '30 * * * *' }, c: { cron: '* * * * * *', overlap: 'allow' } }),
    );
    await stage.pass(30_000);
    const jobs = new Set((await runs(engine)).map((id) => id.split('~')[0]));
    assert.deepEqual(jobs, new Set(['c']));
    assert.equal((await engine.getJob('a')).isConfigured, false);
  });

  it('leaves the schedules to one process, and takes over from one that is silent', async () => {
    await using stage = await Stage.open();
    const engine = await stage.engine();
    const second = await stage.engine();
    const schedules = { minutely: { cron: '* * * * *', overlap: 'allow' } };
    await stage.ticker(engine, schedules);
    const other = await stage.ticker(second, schedules);
    await stage.pass(2 * MINUTE_MS);
    assert.equal((await runs(engine)).length, 2);
    await other[Symbol.asyncDispose]();
    await stage.pass(MINUTE_MS);
    assert.equal((await runs(engine)).length, 3);
  });

  it('deletes what retention does not keep, and says so', async () => {
    await using stage = await Stage.open();
    const engine = await stage.engine();
    const gone: string[] = [];
    const ticker = new Ticker({
      engine,
      clock: stage.wall,
      holder: 'x',
      retention: { ...retention, keepRuns: 1, maxRuns: 2 },
      onPruned: async (pruned) => void gone.push(...pruned.map(({ id }) => id)),
    });
    await using _ticker = ticker;
    await ticker.configure(configurationOf({ minutely: { cron: '* * * * *', overlap: 'allow' } }));
    for (let minute = 0; minute < 62; minute += 1) {
      stage.wall.advance(MINUTE_MS);
      stage.steady.advance(MINUTE_MS);
      await stage.settled();
      await work(engine);
    }
    assert.ok(gone.length > 50, `${gone.length} are gone`);
    assert.ok((await runs(engine)).length < 10);
  });
});

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await setImmediate();
}
