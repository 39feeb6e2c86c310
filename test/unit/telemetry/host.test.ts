/** What the machine says of its processors and its disk. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createProcessorMeter, diskFigures } from '../../../src/telemetry/host.ts';

test('processors are busy in percent, since they were asked last', () => {
  const times = [
    { busyMs: 100, idleMs: 900 },
    { busyMs: 200, idleMs: 1200 },
    { busyMs: 200, idleMs: 1200 },
    { busyMs: 300, idleMs: 1200 },
  ];
  const meter = createProcessorMeter(() => times.shift()!);
  assert.deepEqual([meter(), meter(), meter()], [25, 0, 100]);
  const real = createProcessorMeter();
  const percent = real();
  assert.ok(percent >= 0 && percent <= 100, String(percent));
});

test('a disk has a used and a free part, and a path that is none has no disk', () => {
  const { usedBytes, freeBytes, usedPercent } = diskFigures()!;
  assert.ok(usedBytes > 0 && freeBytes >= 0);
  assert.ok(Math.abs(usedPercent - (usedBytes / (usedBytes + freeBytes)) * 100) < 1e-9);
  assert.equal(diskFigures('/nowhere/at/all'), undefined);
});
