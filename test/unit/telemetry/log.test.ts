import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ServeryError } from '../../../src/core/errors.ts';
import {
  handlerRestarted,
  notice,
  requestDone,
  versionStateChanged,
  type RequestDone,
} from '../../../src/core/events.ts';
import { createLogger, logEvents } from '../../../src/telemetry/log.ts';
import { formatLine } from '../../../src/telemetry/terminal-line.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const iris = { name: 'iris', version: 3 };
const request: RequestDone = {
  door: 'http',
  requestId: 'r-1',
  traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
  method: 'POST',
  route: '/models/:model/predict',
  status: 200,
  code: 'OK',
  totalMs: 1.23456,
};

/** What was written while `act` ran, without the times. */
function linesOf(
  act: (clock: ManualClock) => void,
  options: { level?: 'info' | 'error' | 'off'; requests?: boolean } = {},
) {
  const { level = 'info', requests = false } = options;
  const lines: string[] = [];
  const clock = new ManualClock();
  {
    using _log = logEvents(createLogger({ level, destination: { write: (line) => void lines.push(line) } }), {
      requests,
      clock,
    });
    act(clock);
  }
  return lines.map((line) => {
    assert.ok(line.endsWith('}\n') && line.indexOf('\n') === line.length - 1, 'a line is whole, and one');
    const { time, ...fields } = JSON.parse(line) as Record<string, unknown>;
    assert.ok(!Number.isNaN(Date.parse(String(time))));
    return fields;
  });
}

test('a notice is a line of its level, with its model', () => {
  const lines = linesOf(() => notice.publish({ level: 'warn', message: 'Something is odd', model: { name: 'iris' } }));
  assert.deepEqual(lines, [{ level: 'warn', message: 'Something is odd', model: 'iris' }]);
});

test('an error is logged with code, stack and causes, and without what else it carries', () => {
  const cause = Object.assign(new Error('inner'), { payload: 'secret' });
  const error = new ServeryError('MODEL_FAILED', 'outer', { cause });
  const [line] = linesOf(() => notice.publish({ level: 'error', message: 'It failed', error }));
  const logged = line!.error as Record<string, unknown>;
  assert.equal(logged.code, 'MODEL_FAILED');
  assert.match(String(logged.stack), /log\.test\.ts/);
  assert.equal((logged.cause as Record<string, unknown>).message, 'inner');
  assert.ok(!JSON.stringify(line).includes('secret'));
});

test('what is thrown need not be an error', () => {
  const [line] = linesOf(() => notice.publish({ level: 'error', message: 'It failed', error: 'a text' }));
  assert.deepEqual(line!.error, { message: 'a text' });
});

test('a version that is ready is news, one that failed is a warning with the reason', () => {
  const lines = linesOf(() => {
    versionStateChanged.publish({ model: iris, state: 'ready', reason: '' });
    versionStateChanged.publish({ model: iris, state: 'failed', reason: 'it is broken' });
  });
  assert.deepEqual(lines, [
    { level: 'info', model: 'iris', version: 3, state: 'ready', message: 'Version is ready' },
    { level: 'warn', model: 'iris', version: 3, state: 'failed', reason: 'it is broken', message: 'Version is failed' },
  ]);
});

test('a handler that was replaced is a warning', () => {
  const [line] = linesOf(() => handlerRestarted.publish({ model: iris, cause: 'memory' }));
  assert.deepEqual(line, {
    level: 'warn',
    model: 'iris',
    version: 3,
    cause: 'memory',
    message: 'A handler thread was ended and replaced',
  });
});

test('requests are logged only when asked for', () => {
  assert.deepEqual(
    linesOf(() => requestDone.publish(request)),
    [],
  );
  assert.deepEqual(
    linesOf(() => requestDone.publish(request), { requests: true }),
    [
      {
        level: 'info',
        requestId: 'r-1',
        traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
        door: 'http',
        method: 'POST',
        route: '/models/:model/predict',
        status: 200,
        code: 'OK',
        ms: 1.235,
        message: 'Request',
      },
    ],
  );
});

test('a request that failed through no fault of the client is always logged, with model and cause', () => {
  const error = new Error('the graph divided by zero');
  const failed = { ...request, status: 500, code: 'MODEL_FAILED', model: iris, error } as const;
  const [line] = linesOf(() => requestDone.publish(failed));
  assert.equal(line!.level, 'error');
  assert.equal(line!.requestId, 'r-1');
  assert.equal(line!.model, 'iris');
  assert.equal((line!.error as Error).message, 'the graph divided by zero');
});

test("a client's mistake is no line", () => {
  assert.deepEqual(
    linesOf(() => requestDone.publish({ ...request, status: 400, code: 'INVALID_INPUT' })),
    [],
  );
});

test('a flood of failures is cut to some lines a second and a count', () => {
  const lines = linesOf((clock) => {
    for (let i = 0; i < 1000; i += 1) requestDone.publish({ ...request, status: 500, code: 'MODEL_FAILED' });
    clock.advance(1000);
    requestDone.publish({ ...request, status: 500, code: 'MODEL_FAILED' });
  });
  assert.equal(lines.filter(({ message }) => message === 'Request failed').length, 21);
  assert.equal(lines[20]!.count, 980);
});

test('what is below the level is not written', () => {
  const act = () => {
    notice.publish({ level: 'info', message: 'hello' });
    notice.publish({ level: 'error', message: 'oh' });
  };
  assert.equal(linesOf(act, { level: 'error' }).length, 1);
  assert.equal(linesOf(act, { level: 'off' }).length, 0);
});

test('a terminal gets text, and no escapes of others', () => {
  const json = JSON.stringify({
    level: 'warn',
    time: '2026-11-23T11:00:00.000Z',
    model: 'iris',
    message: 'odd \u001b[31m name',
    error: { message: 'm', stack: 'Error: m\n    at x', cause: { message: 'deep' } },
  });
  // eslint-disable-next-line no-control-regex
  const plain = formatLine(json).replace(/\u001b\[\d+m/g, '');
  assert.match(
    plain,
    /^\d\d:\d\d:\d\d warn {2}odd \?\[31m name model=iris\n {2}Error: m\n {6}at x\n {2}caused by\n {4}deep\n$/,
  );
});
