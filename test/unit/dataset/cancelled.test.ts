/** A reader that is cancelled says so: what it has not read is neither damaged nor gone. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { DuckDBResult } from '@duckdb/node-api';
import { ServeryError } from '../../../src/core/errors.ts';
import { openInput } from '../../../src/dataset/open-input.ts';
import { inputOptions } from '../../../src/dataset/options.ts';
import { sql } from '../../support/dataset.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

for (const format of ['parquet', 'csv'] as const) {
  test(`${format}: whenever the signal comes`, async () => {
    await using folder = await temporaryFolder();
    await sql(`COPY (SELECT n AS id FROM range(20000) t(n)) TO '${folder.path}/a.${format}' (FORMAT ${format})`);
    const { fetchChunk } = DuckDBResult.prototype;
    // At each chunk in turn, the one after the last among them.
    for (let at = 1; at <= 11; at += 1) {
      const controller = new AbortController();
      await using input = await openInput(inputOptions.parse({ path: `a.${format}` }), {
        interval: undefined,
        timezone: 'UTC',
        workspace: folder.path,
        spoolFolder: join(folder.path, 'spool'),
        signal: controller.signal,
      });
      const plan = await input.plan([{ name: 'id', as: 'INT64' }], 'keep');
      let fetched = 0;
      DuckDBResult.prototype.fetchChunk = function (this: DuckDBResult) {
        fetched += 1;
        if (fetched === at) controller.abort();
        return fetchChunk.call(this);
      };
      try {
        for (const damage of ['fail', 'keep'] as const) {
          await assert.rejects(
            async () => {
              for await (const part of input.read(plan, plan.chunks[0]!, damage)) assert.equal(part.kind, 'rows');
            },
            (error: unknown) =>
              error === controller.signal.reason || (error instanceof ServeryError && error.code === 'CANCELLED'),
            `${damage} ${at}`,
          );
        }
      } finally {
        DuckDBResult.prototype.fetchChunk = fetchChunk;
      }
    }
  });
}
