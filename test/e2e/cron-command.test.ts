/** `servery cron` as others run it: a process, its output, its exit code. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { describe, it, test } from 'node:test';
import { parse } from 'yaml';
import { jobsOptions } from '../../src/jobs/job-options.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const SERVERY = new URL('../../bin/servery', import.meta.url).pathname;

function servery(args: readonly string[], input = '') {
  const { stdout, stderr, status } = spawnSync(SERVERY, ['cron', ...args], { encoding: 'utf8', input });
  return { stdout, stderr, status };
}

describe('explain', () => {
  it('prints the next instants and what each covers, as JSON', () => {
    const args = ['0 20 * * 1-5', '--timezone', 'Asia/Seoul', '--from', '2026-11-20T20:00', '--count', '2', '--json'];
    const { stdout, status } = servery(['explain', ...args]);
    assert.equal(status, 0);
    assert.deepEqual(JSON.parse(stdout), {
      expression: '0 20 * * 1-5',
      timezone: 'Asia/Seoul',
      description: 'At 20:00, on Monday through Friday',
      next: [
        {
          at: '2026-11-23T11:00:00Z',
          interval: { start: '2026-11-20T11:00:00Z', end: '2026-11-23T11:00:00Z' },
        },
        {
          at: '2026-11-24T11:00:00Z',
          interval: { start: '2026-11-23T11:00:00Z', end: '2026-11-24T11:00:00Z' },
        },
      ],
      notes: [],
      warnings: [],
    });
  });

  it('prints ten instants from now in UTC when nothing is said', () => {
    const before = Date.now();
    const { next, timezone } = JSON.parse(servery(['explain', '* * * * *', '--json']).stdout) as {
      next: { at: string }[];
      timezone: string;
    };
    assert.deepEqual([next.length, timezone], [10, 'UTC']);
    const wait = Date.parse(next[0]!.at) - before;
    assert.ok(wait > 0 && wait <= 120_000);
  });

  it('prints words, local times, notes and warnings for people', () => {
    const { stdout, status } = servery([
      'explain',
      '30 2 */2 * 0',
      '--timezone',
      'America/New_York',
      '--from',
      '2024-03-08',
    ]);
    assert.equal(status, 0);
    assert.match(stdout, /^At 02:30, on day 1, 3, .* or on Sunday \(America\/New_York\)\n/);
    assert.match(
      stdout,
      /^2024-03-10 03:00 -04:00 {2}2024-03-10T07:00:00Z {2}2024-03-09 02:30 -05:00 to 2024-03-10 03:00 -04:00$/m,
    );
    assert.match(stdout, /^Warning: Both day fields restrict.*vixie's cron/m);
    assert.match(stdout, /02:30 does not exist; it fires once, right after the jump/);
  });

  const refused: readonly (readonly [args: readonly string[], code: string, hint: RegExp])[] = [
    [['5/15 * * * *'], 'CRON_INVALID', /Write 5-59\/15/],
    [['@reboot'], 'CRON_INVALID', /service that starts Servery/],
    [[''], 'CRON_INVALID', /0 20 \* \* \*/],
    [['0 20 * * *', '--timezone', 'Mars/Olympus'], 'USAGE', /IANA/],
    [['0 20 * * *', '--from', 'soon'], 'USAGE', /2026-11-23T20:00/],
    [['0 20 * * *', '--count', '0'], 'USAGE', /--help/],
    [['0', '20', '*', '*', '*'], 'USAGE', /--help/],
  ];
  for (const [args, code, hint] of refused) {
    it(`refuses ${JSON.stringify(args)} with exit code 2`, () => {
      const { stdout, status } = servery(['explain', ...args, '--json']);
      assert.equal(status, 2);
      const { error } = JSON.parse(stdout) as { error: { code: string; message: string; hint: string } };
      assert.equal(error.code, code);
      assert.match(error.hint, hint);
      assert.deepEqual(Object.keys(error), ['code', 'message', 'hint']);
    });
  }

  it('says the same on standard error for people', () => {
    const { stdout, stderr, status } = servery(['explain', '5/15 * * * *']);
    assert.deepEqual([stdout, status], ['', 2]);
    assert.match(stderr, /^servery: Cannot read "5\/15 \* \* \* \*".*\n {2}CRON_INVALID: Write 5-59\/15\.\n$/);
  });
});

const CRONTAB = `MAILTO=ops@example.com
CRON_TZ=Asia/Seoul
# Nightly report
0 20 * * 1-5 cd /srv && python3 report.py
0 0 */2 * 1 rotate
@reboot start-me
`;

describe('import', () => {
  it('prints the jobs section of a configuration, with what was not kept as comments', async () => {
    await using folder = await temporaryFolder();
    await writeFile(`${folder.path}/crontab`, CRONTAB);
    const { stdout, status } = servery(['import', `${folder.path}/crontab`]);
    assert.equal(status, 0);
    assert.match(stdout, /^# line 1, lost: MAILTO/m);
    assert.match(stdout, /^# line 5, changed: .*0 0 \*\/2 \* \+1/m);
    assert.match(stdout, /^# line 6, lost: Not imported\. .*@reboot/m);
    const { jobs } = parse(stdout) as { jobs: Record<string, unknown> };
    assert.deepEqual(Object.keys(jobs), ['report', 'rotate']);
    assert.equal(jobsOptions.safeParse(jobs).error, undefined);
    assert.deepEqual(jobs['report'], {
      description: 'Nightly report',
      schedule: { cron: '0 20 * * 1-5', timezone: 'Asia/Seoul', catchUp: 'none', overlap: 'allow' },
      command: ['/bin/sh', '-c', 'cd /srv && python3 report.py'],
    });
  });

  it('prints the same as JSON, and reads standard input', () => {
    const { stdout, status } = servery(['import', '-', '--json'], CRONTAB);
    assert.equal(status, 0);
    const { jobs, remarks } = JSON.parse(stdout) as {
      jobs: Record<string, unknown>;
      remarks: { line: number; what: string }[];
    };
    assert.deepEqual(Object.keys(jobs), ['report', 'rotate']);
    assert.deepEqual(
      remarks.map(({ line, what }) => `${line} ${what}`),
      ['1 lost', '5 changed', '6 lost'],
    );
  });

  it('tells a column of users by looking, and believes who says', () => {
    const names = (...args: string[]) =>
      Object.keys(
        (
          JSON.parse(servery(['import', '-', '--json', ...args], '0 1 * * * root tool --go\n').stdout) as {
            jobs: object;
          }
        ).jobs,
      );
    assert.deepEqual(names(), ['tool']);
    assert.deepEqual(names('--system'), ['tool']);
    assert.deepEqual(names('--no-system'), ['root']);
  });

  it('takes the zone of the machine that cron ran on', () => {
    const { stdout } = servery(['import', '-', '--timezone', 'Europe/Paris'], '0 1 * * * tool\n');
    assert.match(stdout, /timezone: Europe\/Paris/);
  });

  it('fails when nothing could be imported, and when there is no file', () => {
    assert.equal(servery(['import', '-'], '@reboot x\n').status, 1);
    assert.equal(servery(['import', '-'], '').status, 0);
    const { stdout, status } = servery(['import', '/does/not/exist', '--json']);
    assert.equal(status, 2);
    assert.match(stdout, /crontab -l \| servery cron import -/);
  });
});

test('help names both', () => {
  const { stdout } = servery(['--help']);
  assert.match(stdout, /explain .*\n?[^]*import /);
});
