import assert from 'node:assert/strict';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { readAliases, withAlias, withoutAlias, writeAliases } from '../../../src/repository/aliases-file.ts';
import { readHolds, writeHolds } from '../../../src/repository/holds-file.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

describe('aliases.json', () => {
  it('says where each alias points and where it pointed before', async () => {
    await using folder = await temporaryFolder();
    await writeAliases(folder.path, withAlias(withAlias({}, 'champion', 3), 'champion', 4));
    const text = await readFile(join(folder.path, 'aliases.json'), 'utf8');
    assert.deepEqual(JSON.parse(text), { aliases: { champion: { version: 4, previous: 3 } } });
    assert.deepEqual(await readAliases(folder.path, 'm'), { champion: { version: 4, previous: 3 } });
    assert.deepEqual(await readdir(folder.path), ['aliases.json'], 'nothing temporary is left');
  });

  it('is empty when there is no file', async () => {
    await using folder = await temporaryFolder();
    assert.deepEqual(await readAliases(folder.path, 'm'), {});
  });

  for (const [text, problem] of [
    ['{', /it is not JSON/],
    ['{}', /aliases/],
    ['{"aliases":{"champion":4}}', /aliases\.champion/],
    ['{"aliases":{"champion":{"version":0}}}', /aliases\.champion\.version/],
    ['{"aliases":{"a/b":{"version":1}}}', /aliases/],
    ['{"aliases":{"champion":{"version":1,"extra":true}}}', /extra/],
  ] as const) {
    it(`is refused, with the place, when it says ${text}`, async () => {
      await using folder = await temporaryFolder();
      await writeFile(join(folder.path, 'aliases.json'), text);
      await assert.rejects(readAliases(folder.path, 'm'), { code: 'CONFIG_INVALID', message: problem });
    });
  }

  it('keeps what it remembers when an alias is set to where it is', () => {
    const aliases = { champion: { version: 4, previous: 3 } };
    assert.deepEqual(withAlias(aliases, 'champion', 4), aliases);
    assert.deepEqual(withoutAlias(aliases, 'champion'), {});
  });
});

describe('held.json', () => {
  it('remembers which models are held', async () => {
    await using folder = await temporaryFolder();
    const state = join(folder.path, '.servery');
    assert.deepEqual(await readHolds(state), new Set());
    await writeHolds(state, new Set(['b', 'a']));
    assert.deepEqual(await readHolds(state), new Set(['a', 'b']));
  });

  it('is refused when it is damaged', async () => {
    await using folder = await temporaryFolder();
    await writeFile(join(folder.path, 'held.json'), '{"unloaded":');
    await assert.rejects(readHolds(folder.path), { code: 'CONFIG_INVALID' });
  });
});
