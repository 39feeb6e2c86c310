import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { resolveModelOptions, type ModelConfigInput } from '../../../src/models/model-options.ts';

describe('resolveModelOptions()', () => {
  it('has a default for everything', () => {
    const options = resolveModelOptions('m', undefined);
    assert.deepEqual(options.versions, { latest: 1 });
    assert.equal(options.batching.maxRows, 64);
    assert.deepEqual(resolveModelOptions('m', '# nothing yet\n'), options);
  });

  it('reads everything that model.yaml may say', () => {
    const options = resolveModelOptions(
      'm',
      `versions: [3, 4]
inputs: { X: { features: [a, b], missing: nan } }
outputs: { label: { labels: [no, yes] } }
batching: { maxRows: 8 }
runtime: { intraOpThreads: 1 }
warmup: data/warmup.json`,
    );
    assert.deepEqual(options.versions, [3, 4]);
    assert.deepEqual(options.inputs, { X: { features: ['a', 'b'], missing: 'nan' } });
    assert.deepEqual(options.outputs, { label: { labels: ['no', 'yes'] } });
    assert.equal(options.batching.maxRows, 8);
    assert.equal(options.batching.maxQueuedRows, 1024);
    assert.equal(options.warmup, 'data/warmup.json');
  });

  it('lets the configuration win, option by option', () => {
    const yaml = 'versions: { latest: 2 }\nbatching: { maxRows: 8, latencyBudgetMs: 9 }';
    const options = resolveModelOptions('m', yaml, { versions: 'all', batching: { maxRows: 4 } });
    assert.equal(options.versions, 'all');
    assert.equal(options.batching.maxRows, 4);
    assert.equal(options.batching.latencyBudgetMs, 9);
  });

  for (const [yaml, problem] of [
    ['batchign: {}', /batchign: there is no such option, did you mean batching\?/],
    ['batching: { maxrows: 1 }', /batching\.maxrows: there is no such option, did you mean maxRows\?/],
    ['inputs: { X: { feature: [a] } }', /inputs\.X\.feature: .*did you mean features\?/],
    ['colour: red', /colour: there is no such option, expected one of versions, inputs/],
    ['versions: newest', /versions: expected \{ latest: n \}, all, or a list/],
    ['versions: [0]', /versions/],
    ['batching: { maxRows: many }', /batching\.maxRows: .*expected/],
    ['outputs: { label: { labels: [0, 1] } }', /outputs\.label\.labels\.0: expected a text; put quotes/],
    ['warmup: ../../etc/passwd', /warmup: expected a file in the folder/],
    ['warmup: /etc/passwd', /warmup: expected a file in the folder/],
    ['aliases: { champion: 3 }', /aliases: there is no such option/],
    ['batching: {\n  maxRows: 1\ninputs: [', /line [34]: /],
    ['batching: {}\nbatching: {}', /line 2: /],
    ['- a list', /model\.yaml/],
    ['just text', /model\.yaml/],
  ] as const) {
    it(`refuses ${JSON.stringify(yaml)}, and says where`, () => {
      assert.throws(() => resolveModelOptions('m', yaml), { code: 'CONFIG_INVALID', message: problem });
    });
  }

  it('names every problem, and the source that has it', () => {
    const config = { batching: { maxRows: 0 }, versions: 'none' } as unknown as ModelConfigInput;
    assert.throws(() => resolveModelOptions('m', 'batching: {}', config), {
      code: 'CONFIG_INVALID',
      message: /the configuration of model "m".*versions.*batching\.maxRows|batching\.maxRows.*versions/,
    });
  });
});
