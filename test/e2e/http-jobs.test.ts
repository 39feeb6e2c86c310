/** Jobs and runs through a real door: over the engine itself, by plain requests and by the client. */
import assert from 'node:assert/strict';
import { after, beforeEach, test } from 'node:test';
import { createClient, ServeryError } from '../../src/client/index.ts';
import { parseEvents } from '../../src/client/event-source.ts';
import type { RunDetails } from '../../src/jobs/job-api.ts';
import { openDoor, testKeys } from '../support/http-door.ts';
import { openJobDesk } from '../support/job-desk.ts';

const desk = await openJobDesk({});
const keys = testKeys();
const door = await openDoor({}, { keys: [] }, { jobs: desk.jobs });
const closed = await openDoor({}, keys.auth, { jobs: desk.jobs });
const narrow = await openDoor({ maxStreams: 1 }, { keys: [] }, { jobs: desk.jobs });
const onlineOnly = await openDoor();
const client = createClient({ url: door.url });
after(async () => {
  for (const one of [door, closed, narrow, onlineOnly]) await one[Symbol.asyncDispose]();
  await desk[Symbol.asyncDispose]();
});

let job = '';
let count = 0;
beforeEach(async () => {
  count += 1;
  job = `job-${count}`;
  await desk.configure({
    [job]: { schedule: { cron: '0 * * * *' }, command: ['true'], params: { n: { default: 1 } } },
  });
});

const json = async (response: Response | Promise<Response>) =>
  (await (await response).json()) as Record<string, unknown>;
const START = { interval: { start: '2026-11-01T00:00Z', end: '2026-11-01T01:00Z' } };

test('jobs are listed and shown, with what comes next', async () => {
  const list = await json(door.fetch('/api/jobs?limit=1000'));
  assert.ok((list.jobs as { name: string }[]).some(({ name }) => name === job));
  assert.equal(list.nextCursor, null);
  assert.equal((await json(door.fetch(`/api/jobs/${job}`))).name, job);
  const { next } = (await json(door.fetch(`/api/jobs/${job}/next?count=3`))) as { next: { interval: unknown }[] };
  assert.equal(next.length, 3);
  assert.ok(next.every(({ interval }) => interval !== null));
  const missing = await door.fetch('/api/jobs/job-x');
  assert.deepEqual([missing.status, (await json(missing)).code], [404, 'JOB_NOT_FOUND']);
});

test('a run is started once for an Idempotency-Key, whatever quotes it has', async () => {
  const start = (key: string, body: unknown = START) =>
    door.post(`/api/jobs/${job}/runs`, body, { 'idempotency-key': key });
  const first = await start('k-1');
  const run = (await first.json()) as RunDetails;
  assert.deepEqual([first.status, first.headers.get('location')], [201, `/api/runs/${run.id}`]);
  for (const key of ['k-1', '"k-1"']) {
    const again = await start(key);
    assert.deepEqual([again.status, (await json(again)).id], [200, run.id]);
  }
  assert.equal((await start('k-1', { ...START, params: { n: 2 } })).status, 409);
  assert.equal((await start('k-2')).status, 201);
  for (const key of ['', 'a b', 'x'.repeat(65), 'ü']) {
    const refused = await start(encodeURI(key)).catch(() => undefined);
    if (refused !== undefined) assert.equal(refused.status, 400, key);
  }
  const text = await door.post(`/api/jobs/${job}/runs`, { interval: '2026-11-01T00:00Z/2026-11-01T01:00Z' });
  assert.deepEqual((await json(text)).interval, { start: '2026-11-01T00:00:00Z', end: '2026-11-01T01:00:00Z' });
});

test('what does not fit is refused in words', async () => {
  const refusals: readonly [path: string, body: unknown][] = [
    [`/api/jobs/${job}/runs`, { interval: 'today' }],
    [`/api/jobs/${job}/runs`, { interval: { start: '2026-11-02', end: '2026-11-01' } }],
    [`/api/jobs/${job}/runs`, { params: [] }],
    [`/api/jobs/${job}/runs`, { params: { unknown: 1 } }],
    [`/api/jobs/${job}/runs`, []],
    [`/api/jobs/${job}/pause`, { note: 5 }],
    [`/api/jobs/${job}/backfills`, { start: '2026-11-01' }],
    [`/api/jobs/${job}/backfills`, { start: '2026-11-01', end: '2026-11-02', parallel: 0 }],
    [`/api/jobs/${job}/backfills`, { start: '2026-11-01', end: '2026-11-02', order: 'random' }],
    [`/api/jobs/${job}/backfills`, { start: '1970-01-01', end: '2026-11-02' }],
  ];
  for (const [path, body] of refusals) {
    const answer = await door.post(path, body);
    const { code, hint } = await json(answer);
    assert.deepEqual([answer.status, code, typeof hint], [400, 'INVALID_REQUEST', 'string'], JSON.stringify(body));
  }
  for (const query of ['limit=0', 'limit=1001', 'limit=x', 'state=asleep', 'from=now', 'cursor=x']) {
    assert.equal((await door.fetch(`/api/runs?${query}`)).status, 400, query);
  }
  for (const path of ['/api/runs/nothing', '/api/runs/nothing/logs', '/api/backfills/nothing', '/api/jobs/no/next']) {
    assert.equal((await door.fetch(path)).status, 404, path);
  }
});

test('a run by hand is followed by the client to its end', async () => {
  const { run, created } = await client.startRun(job, START);
  assert.ok(created);
  const states: string[] = [];
  const ended = client.waitForRun(run.id, { onUpdate: ({ state }) => states.push(state) });
  const claimed = await desk.claim(run.id);
  await desk.record(claimed, { step: 'command', state: 'succeeded', startedMs: 1, finishedMs: 2 });
  await desk.finish(claimed, { state: 'succeeded', result: { rows: { in: 2, out: 2, bad: 0 } } });
  const { state, rows } = await ended;
  assert.deepEqual([state, rows], ['succeeded', { in: 2, out: 2, bad: 0 }]);
  assert.equal(states.at(-1), 'succeeded');
});

test('waiting ends when its time is over, and says so', async () => {
  const { run } = await client.startRun(job, START);
  await assert.rejects(client.waitForRun(run.id, { timeoutMs: 60 }), { code: 'DEADLINE_EXCEEDED' });
  assert.equal((await client.cancelRun(run.id, 'enough')).state, 'cancelled');
  assert.equal((await client.retryRun(run.id)).state, 'queued');
});

test('the client reads all pages of a list', async () => {
  for (let i = 0; i < 5; i += 1) await client.startRun(job, { ...START, request: `r-${i}` });
  const causes: string[] = [];
  for await (const run of client.runs({ job })) causes.push(run.cause);
  assert.deepEqual(
    causes,
    ['r-4', 'r-3', 'r-2', 'r-1', 'r-0'].map((request) => `manual/${request}`),
  );
  const names: string[] = [];
  for await (const { name } of client.jobs()) names.push(name);
  assert.ok(names.includes(job));
  const pages = await json(door.fetch(`/api/runs?job=${job}&limit=2&state=queued&state=running`));
  assert.equal((pages.runs as unknown[]).length, 2);
});

test('a backfill is planned, made, paused, resumed and cancelled', async () => {
  const range = { start: '2026-11-01T00:00', end: '2026-11-01T05:00' };
  const plan = await client.planBackfill(job, range);
  assert.deepEqual(plan.intervals[0], { start: '2026-11-01T00:00:00Z', end: '2026-11-01T01:00:00Z' });
  assert.equal(plan.intervals.length, 5);
  const { id, state } = await client.startBackfill(job, { ...range, parallel: 2 });
  assert.equal(state, 'running');
  assert.deepEqual(
    [(await client.pauseBackfill(id, 'wait')).state, (await client.backfill(id)).note],
    ['paused', 'wait'],
  );
  assert.equal((await client.resumeBackfill(id)).state, 'running');
  assert.equal((await client.cancelBackfill(id)).state, 'cancelled');
  const ids: string[] = [];
  for await (const backfill of client.backfills({ job })) ids.push(backfill.id);
  assert.deepEqual(ids, [id]);
});

test('a pause and its note are seen by whoever looks', async () => {
  await client.pauseJob(job, 'the source is down');
  assert.equal((await client.job(job)).paused?.note, 'the source is down');
  assert.equal((await client.resumeJob(job)).paused, null);
});

test('a log is text, in pieces', async () => {
  const { run } = await client.startRun(job, START);
  const claimed = await desk.claim(run.id);
  await desk.record(claimed, { step: 'command', state: 'running', startedMs: 1 });
  await desk.print(claimed, 'command', 'first line\nsecond line\n');
  const piece = await door.fetch(`/api/runs/${run.id}/logs?limit=11`);
  assert.deepEqual(
    [await piece.text(), piece.headers.get('servery-log-offset'), piece.headers.get('servery-log-complete')],
    ['first line\n', '11', 'false'],
  );
  assert.equal(await (await door.fetch(`/api/runs/${run.id}/logs?offset=11`)).text(), 'second line\n');
  await desk.finish(claimed, { state: 'failed', error: { code: 'COMMAND_FAILED', message: 'exit code 1' } });
});

test('a log is followed while it grows, and ends with its attempt', async () => {
  const { run } = await client.startRun(job, START);
  const claimed = await desk.claim(run.id);
  await desk.record(claimed, { step: 'command', state: 'running', startedMs: 1 });
  await desk.print(claimed, 'command', 'one\n');
  const texts: string[] = [];
  for await (const text of client.logs(run.id)) {
    texts.push(text);
    if (texts.length > 1) continue;
    await desk.print(claimed, 'command', 'one\ntwo\n');
    await desk.record(claimed, { step: 'command', state: 'succeeded', startedMs: 1, finishedMs: 2 });
    await desk.finish(claimed, { state: 'succeeded' });
  }
  assert.equal(texts.join(''), 'one\ntwo\n');
});

test('events come as they happen, and a client that was cut off misses none', async () => {
  const kinds: string[] = [];
  const stop = new AbortController();
  let last = 0;
  const { lastId } = await desk.jobs.readEvents({ limit: 1, waitMs: 0 });
  const first = await client.startRun(job, START);
  let second: Promise<unknown> | undefined;
  for await (const event of client.events({ job, after: lastId, signal: stop.signal })) {
    kinds.push(`${event.kind} ${event.run === first.run.id}`);
    last = event.id;
    if (second !== undefined) stop.abort();
    second ??= client.startRun(job, START);
  }
  await second;
  assert.deepEqual(kinds, ['run.queued true', 'run.queued false']);

  await client.pauseJob(job);
  await client.resumeJob(job);
  const response = await door.fetch(`/api/events?job=${job}`, { headers: { 'last-event-id': String(last) } });
  assert.match(response.headers.get('content-type')!, /^text\/event-stream/);
  const missed: string[] = [];
  for await (const { event, id, data } of parseEvents(response.body!)) {
    missed.push(event);
    assert.equal((JSON.parse(data) as { id: number }).id, Number(id));
    if (missed.length === 2) break;
  }
  await response.body!.cancel().catch(() => undefined);
  assert.deepEqual(missed, ['job.paused', 'job.resumed']);
});

test('there are only so many streams, and one that is closed makes room', async () => {
  const stop = new AbortController();
  const first = await narrow.fetch('/api/events', { signal: stop.signal });
  assert.equal(first.status, 200);
  const refused = await narrow.fetch('/api/events');
  assert.deepEqual([refused.status, refused.headers.get('retry-after')], [503, '5']);
  assert.match((await json(refused)).hint as string, /maxStreams/);
  stop.abort();
  let status = 503;
  for (const giveUpMs = Date.now() + 10_000; status === 503 && Date.now() < giveUpMs;) {
    const next = await narrow.fetch('/api/events');
    status = next.status;
    await next.body!.cancel();
  }
  assert.equal(status, 200);
});

test('a stream ends when the server stops', async () => {
  await using stopping = await openDoor({}, { keys: [] }, { jobs: desk.jobs });
  const response = await stopping.fetch('/api/events');
  const began = Date.now();
  const closing = stopping.server.close(20_000);
  assert.equal(await response.text(), '');
  assert.equal(await closing, 0);
  assert.ok(Date.now() - began < 5000);
});

test('HEAD of a stream has its headers and ends', async () => {
  const response = await door.fetch('/api/events', { method: 'HEAD' });
  assert.deepEqual([response.status, await response.text()], [200, '']);
});

test('jobs are for keys with their scope, foreign pages have no way in', async () => {
  for (const path of ['/api/jobs', '/api/runs', '/api/events', '/api/backfills', `/api/jobs/${job}`]) {
    assert.equal((await closed.fetch(path)).status, 401, path);
    for (const key of [keys.predict, keys.admin]) {
      const response = await closed.fetch(path, { headers: { authorization: `Bearer ${key}` } });
      assert.deepEqual([response.status, (await json(response)).code], [403, 'FORBIDDEN'], path);
    }
  }
  const authorized = { authorization: `Bearer ${keys.jobs}` };
  assert.equal((await closed.fetch('/api/jobs', { headers: authorized })).status, 200);
  const started = await closed.post(`/api/jobs/${job}/runs`, START, authorized);
  assert.equal(started.status, 201);
  const form = await door.fetch(`/api/jobs/${job}/runs`, { method: 'POST', body: 'interval=today' });
  assert.equal(form.status, 415);
  const foreign = await door.post(`/api/jobs/${job}/runs`, START, { origin: 'https://evil.example.com' });
  assert.equal(foreign.status, 403);
});

test('a server that is online only says so', async () => {
  const response = await onlineOnly.fetch('/api/jobs');
  const { code, hint } = await json(response);
  assert.deepEqual([response.status, code], [501, 'UNSUPPORTED']);
  assert.match(hint as string, /servery up/);
  await assert.rejects(
    createClient({ url: onlineOnly.url }).startRun('x'),
    (error: unknown) => error instanceof ServeryError && error.code === 'UNSUPPORTED',
  );
});
