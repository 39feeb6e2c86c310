import path from 'node:path';
import { openSqliteEngine } from '../../src/engine/sqlite/open.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { testEngineContract } from './engine-contract.ts';

testEngineContract('SQLite', async () => {
  const folder = await temporaryFolder();
  const wall = new ManualClock();
  const steady = new ManualClock();
  return {
    open: () => openSqliteEngine({ file: path.join(folder.path, '.servery', 'state.db'), wall, steady }),
    wall,
    steady,
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
});
