import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Scan } from '../../../src/repository/scan.ts';
import { SETTLE_MS, Settler } from '../../../src/repository/settle.ts';

const START = 1_000_000_000;

describe('Settler', () => {
  it('offers at once, at the first look, what nobody has touched for a while', () => {
    const { look } = setup();
    assert.deepEqual(look({ 1: 'a' }, { changedMs: START - 10_000 }), { versions: { 1: 'a' }, unsettled: false });
  });

  it('waits at the first look for what was touched just now', () => {
    const { look, wait } = setup();
    assert.deepEqual(look({ 1: 'a' }, { changedMs: START - 100 }), { versions: {}, unsettled: true });
    wait(SETTLE_MS);
    assert.deepEqual(look({ 1: 'a' }), { versions: { 1: 'a' }, unsettled: false });
  });

  it('offers a new version when two looks, far enough apart, find it the same', () => {
    const { look, wait } = setup();
    look({});
    assert.deepEqual(look({ 2: 'a' }, { changedMs: START - 10_000 }).versions, {});
    wait(SETTLE_MS - 1);
    assert.deepEqual(look({ 2: 'a' }).versions, {});
    wait(1);
    assert.deepEqual(look({ 2: 'a' }).versions, { 2: 'a' });
  });

  it('does not offer a version that grows from look to look', () => {
    const { look, wait } = setup();
    look({});
    for (const fingerprint of ['a', 'b', 'c', 'd']) {
      assert.deepEqual(look({ 1: fingerprint }), { versions: {}, unsettled: true });
      wait(SETTLE_MS);
    }
    assert.deepEqual(look({ 1: 'd' }).versions, { 1: 'd' });
  });

  it('shows a settled version as it was until its change has settled too', () => {
    const { look, wait } = setup();
    look({ 1: 'a' }, { changedMs: 0 });
    assert.deepEqual(look({ 1: 'b' }), { versions: { 1: 'a' }, unsettled: true });
    wait(SETTLE_MS);
    assert.deepEqual(look({ 1: 'b' }), { versions: { 1: 'b' }, unsettled: false });
  });

  it('sees a removal at once', () => {
    const { look } = setup();
    look({ 1: 'a', 2: 'b' }, { changedMs: 0 });
    assert.deepEqual(look({ 1: 'a' }).versions, { 1: 'a' });
  });

  it('takes a version that we renamed into place at once, whenever the next look that sees it is', () => {
    const { look, settler } = setup();
    look({});
    settler.trust('m', 1);
    look({}); // a look that began before the rename
    assert.deepEqual(look({ 1: 'a' }), { versions: { 1: 'a' }, unsettled: false });
  });

  it('lets model.yaml settle as well', () => {
    const { settler } = setup();
    const file = { fingerprint: 'x', changedMs: START };
    assert.equal(settler.look(scanOf({}, 0, file), START).view.models[0]?.options, undefined);
    assert.equal(settler.look(scanOf({}, 0, file), START + SETTLE_MS).view.models[0]?.options, 'x');
    assert.equal(settler.look(scanOf({}, 0), START + SETTLE_MS).view.models[0]?.options, undefined);
  });
});

function setup() {
  const settler = new Settler();
  let now = START;
  const look = (fingerprints: Record<number, string>, { changedMs = now } = {}) => {
    const { view, unsettled } = settler.look(scanOf(fingerprints, changedMs), now);
    const versions = Object.fromEntries(view.models[0]!.versions.map((item) => [item.version, item.fingerprint]));
    return { versions, unsettled };
  };
  return { settler, look, wait: (ms: number) => void (now += ms) };
}

function scanOf(
  fingerprints: Record<number, string>,
  changedMs: number,
  options?: Scan['models'][number]['options'],
): Scan {
  const versions = Object.entries(fingerprints).map(([version, fingerprint]) => ({
    version: Number(version),
    folder: `/models/m/${version}`,
    entry: { format: 'onnx' as const, file: 'model.onnx' },
    problem: undefined,
    fingerprint,
    changedMs,
  }));
  const model = { name: 'm', folder: '/models/m', versions, options, aliases: undefined, notes: [] };
  return { models: [model], notes: [] };
}
