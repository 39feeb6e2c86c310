/** The file itself: its format, its mode, and what is said when it cannot be used. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdir, readFile, stat, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, it } from 'node:test';
import type { Engine } from '../../../src/engine/engine.ts';
import { MIGRATIONS } from '../../../src/engine/sqlite/migrations.ts';
import { openSqliteEngine } from '../../../src/engine/sqlite/open.ts';
import { definition, LIMITS, newRun } from '../../support/engine-definitions.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

async function withFile(body: (file: string) => Promise<void>): Promise<void> {
  await using folder = await temporaryFolder();
  await body(path.join(folder.path, '.servery', 'state.db'));
}

async function fill(engine: Engine, runs: number): Promise<void> {
  const job = definition('hourly');
  await engine.configure([job], LIMITS);
  for (let index = 0; index < runs; index += 1) {
    await engine.addRun(newRun(job, index, { params: { text: 'x'.repeat(1000) } }));
  }
}

describe('the format of state.db', () => {
  it('is what test/fixtures/engine/state-db.sql says', () =>
    withFile(async (file) => {
      await using _engine = await openSqliteEngine({ file });
      using db = new DatabaseSync(file, { readOnly: true });
      const tables = db.prepare('SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name').all();
      const dump = `${tables.map(({ sql }) => `${String(sql)};`).join('\n\n')}\n`;
      const fixture = path.join(import.meta.dirname, '../../fixtures/engine/state-db.sql');
      if (process.env['UPDATE_FIXTURES'] === '1') await writeFile(fixture, dump);
      assert.equal(dump, await readFile(fixture, 'utf8'));
    }));

  it('changes by new migrations only: those that were published stay as they are', () => {
    const hashes = MIGRATIONS.map((text) => createHash('sha256').update(text).digest('hex').slice(0, 16));
    assert.deepEqual(hashes, ['5e6be1f158e19d06']);
  });

  it('is refused when a newer Servery wrote it', () =>
    withFile(async (file) => {
      await (await openSqliteEngine({ file }))[Symbol.asyncDispose]();
      const db = new DatabaseSync(file);
      db.exec('PRAGMA user_version = 99');
      db.close();
      await assert.rejects(openSqliteEngine({ file }), {
        code: 'DATABASE_FAILED',
        message: `state.db has format 99, this Servery knows ${MIGRATIONS.length}`,
      });
    }));

  it('is made by one of many that open it at once', () =>
    withFile(async (file) => {
      const engines = await Promise.all(Array.from({ length: 6 }, () => openSqliteEngine({ file })));
      await Promise.all(engines.map((engine) => fill(engine, 1)));
      assert.equal((await engines[0]!.listRuns({ limit: 10 })).items.length, 1);
      await Promise.all(engines.map((engine) => engine[Symbol.asyncDispose]()));
    }));

  it('can be read by its owner only', () =>
    withFile(async (file) => {
      await using engine = await openSqliteEngine({ file });
      await fill(engine, 1);
      for (const name of [file, `${file}-wal`, `${file}-shm`]) {
        assert.equal(((await stat(name)).mode & 0o777).toString(8), '600', name);
      }
    }));
});

describe('a state.db that cannot be used', () => {
  it('is full: says so, keeps what it has, goes on when there is room', () =>
    withFile(async (file) => {
      {
        await using engine = await openSqliteEngine({ file, maxPages: 60 });
        await assert.rejects(fill(engine, 500), {
          code: 'STORAGE_FULL',
          message: 'Cannot write state.db: the disk is full',
        });
        const { items } = await engine.listRuns({ limit: 1000 });
        assert.ok(items.length > 0 && items.length < 500);
        let changes = 0;
        using _ = engine.watch(() => (changes += 1));
        await assert.rejects(engine.createBackfill({ ...backfill, intervals: manyIntervals() }), {
          code: 'STORAGE_FULL',
        });
        assert.deepEqual((await engine.listBackfills({ limit: 1 })).items, [], 'nothing half done');
        assert.equal(changes, 0, 'whoever waits for a change would try in vain, again and again');
      }
      await using engine = await openSqliteEngine({ file });
      await fill(engine, 500);
      assert.equal((await engine.listRuns({ limit: 1000 })).items.length, 500);
    }));

  it('is no database', () =>
    withFile(async (file) => {
      await mkdir(path.dirname(file));
      await writeFile(file, 'SELECT * FROM nothing;\n'.repeat(1000));
      await assert.rejects(openSqliteEngine({ file }), {
        code: 'DATABASE_FAILED',
        message: 'Cannot use state.db: the file is no database',
        hint: /restore .servery\/state.db from a backup/,
      });
    }));

  it('is damaged', () =>
    withFile(async (file) => {
      {
        await using engine = await openSqliteEngine({ file });
        await fill(engine, 200);
      }
      const { size } = await stat(file);
      await truncate(file, Math.floor(size / 8192) * 4096);
      await assert.rejects(
        async () => {
          await using engine = await openSqliteEngine({ file });
          await engine.listRuns({ limit: 1000 });
        },
        { code: 'DATABASE_FAILED', message: 'Cannot use state.db: the file is damaged' },
      );
    }));

  it('is a folder', () =>
    withFile(async (file) => {
      await mkdir(file, { recursive: true });
      await assert.rejects(openSqliteEngine({ file }), { code: 'DATABASE_FAILED' });
    }));
});

describe('commands that share a transaction', () => {
  it('fail alone', () =>
    withFile(async (file) => {
      await using engine = await openSqliteEngine({ file });
      const job = definition('hourly');
      await engine.configure([job], LIMITS);
      const answers = await Promise.allSettled([
        ...Array.from({ length: 20 }, (_, index) => engine.addRun(newRun(job, index))),
        engine.addRun(newRun(definition('unknown', { slots: 77 }), 1)),
        ...Array.from({ length: 20 }, (_, index) => engine.addRun(newRun(job, 20 + index))),
      ]);
      assert.deepEqual(
        answers.flatMap(({ status }, index) => (status === 'rejected' ? [index] : [])),
        [20],
      );
      assert.equal((await engine.listRuns({ limit: 100 })).items.length, 40);
    }));

  it('are refused when the engine is closed', () =>
    withFile(async (file) => {
      const engine = await openSqliteEngine({ file });
      await engine[Symbol.asyncDispose]();
      await assert.rejects(engine.listJobs({ limit: 10 }), { code: 'SHUTTING_DOWN' });
    }));
});

const backfill = {
  id: 'b',
  job: 'hourly',
  definitionHash: definition('hourly').hash,
  order: 'oldest',
  parallel: 1,
  reprocess: 'all',
  priority: 0,
} as const;

function manyIntervals() {
  return Array.from({ length: 20_000 }, (_, index) => ({ startMs: index, endMs: index + 1 }));
}
