/** Crontabs as jobs: what is kept, what is rewritten, and what is said to be lost. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, it, test } from 'node:test';
import { importCrontab, looksLikeSystemCrontab } from '../../../src/schedule/crontab.ts';
import { scheduleOptions } from '../../../src/schedule/options.ts';
import { fuzz } from '../../support/fuzz.ts';

const read = (text: string, isSystem = false) => importCrontab(text, { timezone: 'Europe/Paris', isSystem });
const remarksOf = (text: string, isSystem = false) =>
  read(text, isSystem).remarks.map(({ line, what, message }) => `${line} ${what}: ${message}`);

test('a line is a job that does what cron did', () => {
  const { jobs, remarks } = read('0 2 * * *   /usr/local/bin/backup.sh --full "two words" >/dev/null 2>&1');
  assert.deepEqual(remarks, []);
  assert.deepEqual(jobs, [
    {
      name: 'backup',
      line: 1,
      schedule: { cron: '0 2 * * *', timezone: 'Europe/Paris', catchUp: 'none', overlap: 'allow' },
      command: ['/bin/sh', '-c', '/usr/local/bin/backup.sh --full "two words" >/dev/null 2>&1'],
    },
  ]);
  assert.ok(scheduleOptions.safeParse(jobs[0]!.schedule).success);
});

describe('variables hold for the lines after them', () => {
  const text = [
    ...['0 1 * * * first', 'SHELL=/bin/bash', 'PATH = "/opt/bin:/bin"', "GREETING='a = b'", 'HOME=/srv/app'],
    ...['CRON_TZ=Asia/Seoul', 'RANDOM_DELAY=15', 'MAILTO=""', '0 2 * * * second', 'CRON_TZ=UTC', 'RANDOM_DELAY=0'],
    '0 3 * * * third',
  ].join('\n');
  const { jobs, remarks } = read(text);

  it('environment, shell and folder', () => {
    assert.equal(jobs[0]!.env, undefined);
    assert.deepEqual(jobs[1]!.env, { PATH: '/opt/bin:/bin', GREETING: 'a = b', HOME: '/srv/app' });
    assert.deepEqual([jobs[1]!.command[0], jobs[1]!.cwd], ['/bin/bash', '/srv/app']);
  });
  it('zone and random delay', () => {
    assert.deepEqual(
      jobs.map(({ schedule: { timezone, jitter } }) => [timezone, jitter]),
      [
        ['Europe/Paris', undefined],
        ['Asia/Seoul', '15m'],
        ['UTC', undefined],
      ],
    );
  });
  it('an empty MAILTO wants nothing', () => assert.deepEqual(remarks, []));
});

describe('what is said', () => {
  const said: readonly (readonly [text: string, expected: RegExp])[] = [
    ['MAILTO=ops@example.com\n0 1 * * * x', /^1 lost: MAILTO: output is kept.*`notify`/],
    ['CRON_TZ=Mars/One\n0 1 * * * x', /^1 lost: There is no time zone "Mars\/One"; Europe\/Paris/],
    ['RANDOM_DELAY=some\n0 1 * * * x', /^1 lost: RANDOM_DELAY/],
    ['TZ=UTC\n0 1 * * * x', /^2 changed: TZ is for the command alone/],
    ['0 0 */2 * 1 x', /^1 changed: .*both day fields.*0 0 \*\/2 \* \+1/],
    ['0 0 1,15 * */2 x', /^1 changed: .*0 0 1,15 \* \+\*\/2/],
    ['0~59 4 * * * x', /^1 changed: The random 0~59 becomes 0 with a jitter of 60m/],
    ['30 1~5 * * * x', /^1 changed: The random 1~5 becomes 1 with a jitter of 5h/],
    ['0 0 1~28 * * x', /^1 lost: Not imported.*day of month/],
    ['@reboot x', /^1 lost: Not imported.*a start of the machine is not a time/],
    ['5/15 * * * * x', /^1 lost: Not imported.*Write 5-59\/15/],
    ['0 22-2 * * * x', /^1 lost: Not imported.*Write 22-23,0-2/],
    ['0 1 * * *', /^1 lost: Not imported\. Expected five fields and a command/],
    ['0 1', /^1 lost: Not imported\. Expected five fields/],
    ['@daily', /^1 lost: Not imported\. Expected @macro and a command/],
    ['-0 1 * * * x', /^1 lost: The leading -/],
    ['0 9 * * * mail boss%Hello', /^1 changed: What comes after % is piped/],
  ];
  for (const [text, expected] of said) {
    it(JSON.stringify(text), () => {
      const [remark = ''] = remarksOf(text);
      assert.match(remark, expected);
    });
  }

  it('whose job it was, in the form of the system', () => {
    const { jobs, remarks } = read('17 *\t* * *\troot    cd / && run-parts --report /etc/cron.hourly', true);
    assert.deepEqual(
      [jobs[0]!.name, jobs[0]!.command[2]],
      ['run-parts', 'cd / && run-parts --report /etc/cron.hourly'],
    );
    assert.match(remarks[0]!.message, /It ran as root/);
    assert.match(remarksOf('0 1 * * * root', true)[0]!, /a user and a command/);
  });
});

test('only what vixie reads as AND is rewritten', () => {
  const crons = ['0 0 13 * 5', '0 0 * * 1', '0 0 */2 * *', '0 0 1-31 * 1', '@weekly'].map((cron) => `${cron} x`);
  assert.deepEqual(
    read(crons.join('\n')).jobs.map(({ schedule }) => schedule.cron),
    ['0 0 13 * 5', '0 0 * * 1', '0 0 */2 * *', '0 0 1-31 * 1', '@weekly'],
  );
});

test('what follows % reaches the command, byte for byte', () => {
  const [job] = read(String.raw`* * * * * tr a-z A-Z; echo "50\% of $((1+1)) it's"%first%%it's "last" $x`).jobs;
  const [program = '', ...args] = job!.command;
  const { stdout } = spawnSync(program, args, { encoding: 'utf8' });
  assert.equal(stdout, 'FIRST\n\nIT\'S "LAST" $X\n50% of 2 it\'s\n');
  const [bye, nothing] = read('@daily cat%bye%\n@daily cat%').jobs.map(({ command: [, ...own] }) => own);
  assert.equal(spawnSync('/bin/sh', bye, { encoding: 'utf8' }).stdout, 'bye\n');
  assert.equal(spawnSync('/bin/sh', nothing, { encoding: 'utf8' }).stdout, '');
});

test('a comment right above describes, one that was a line does not', () => {
  const { jobs } = read(
    '# about the file\n\n# Rotates logs,\n# nightly\n#0 1 * * * old\n0 2 * * * rotate\n0 3 * * * other',
  );
  assert.deepEqual(
    jobs.map(({ description }) => description),
    ['Rotates logs, nightly', undefined],
  );
});

test('what stands above every crontab describes no job', () => {
  const user = '# Edit this file to introduce tasks to be run by cron.\n#\n# m h  dom mon dow   command\n@daily x';
  const system =
    '# .---- minute\n# |  .-- hour\n# |  |\n# *  *  *  *  * user-name command to be executed\n# Rotates.\n@daily root x';
  assert.deepEqual([read(user).jobs[0]!.description, read(system, true).jobs[0]!.description], [undefined, 'Rotates.']);
});

test('names come from what is run, and each is used once', () => {
  const commands = [
    ...['cd /srv && python3 main.py', 'FOO=bar nice -n 10 /opt/tool.sh', '/usr/bin/env node job.mjs', 'main --again'],
    ...[
      '[ -x /bin/x ] && /bin/x',
      'test -x /a || ( cd / && run-parts /b )',
      '"/opt/my prog"',
      '$HOME/bin/thing',
      '12 34',
    ],
  ];
  const names = read(commands.map((command) => `* * * * * ${command}`).join('\n')).jobs.map(({ name }) => name);
  assert.deepEqual(names.slice(0, 6), ['main', 'tool', 'job', 'main-2', 'x', 'run-parts']);
  for (const name of names) assert.match(name, /^[A-Za-z0-9][A-Za-z0-9_.-]*$/);
  assert.equal(new Set(names).size, names.length);
});

test('a name that two commands would have is given once', () => {
  const { jobs } = read(['/opt/a', '/opt/a', '/opt/a-2', '/opt/a'].map((command) => `@daily ${command}`).join('\n'));
  assert.deepEqual(
    jobs.map(({ name }) => name),
    ['a', 'a-2', 'a-2-2', 'a-3'],
  );
});

test('a line that is refused takes no name', () => {
  assert.deepEqual(
    read('5/15 * * * * tool\n0 1 * * * tool').jobs.map(({ name }) => name),
    ['tool'],
  );
});

test('the form of the system is told from that of a user', () => {
  const system = '# x\nSHELL=/bin/sh\n17 * * * * root run\n@daily www-data run\n';
  assert.equal(looksLikeSystemCrontab(system, 'copy.txt'), true);
  assert.equal(looksLikeSystemCrontab('*/10 * * * * www-data php cron.php\n', 'copy.txt'), true);
  assert.equal(looksLikeSystemCrontab('17 * * * * restic now\n', 'copy.txt'), false);
  assert.equal(looksLikeSystemCrontab('17 * * * * backup now\n', '/etc/cron.d/backup'), true);
  assert.equal(looksLikeSystemCrontab('', 'copy.txt'), false);
});

test('whatever comes, every line that was no comment is a job or a remark', () => {
  const words = [
    '*',
    '0',
    '*/5',
    '@daily',
    '@reboot',
    'root',
    'cmd',
    '%',
    '\\%',
    'A=b',
    '#',
    '\n',
    '\n',
    '~',
    '0~5',
    '\t',
    '"',
    '\0',
    '€',
  ];
  fuzz((random) => {
    const parts = Array.from({ length: random.below(20) }, () => words[random.below(words.length)]!);
    const { jobs, remarks, entries } = read(parts.join(' '), random.below(2) === 0);
    const lost = remarks.filter(({ message }) => message.startsWith('Not imported'));
    assert.equal(jobs.length + lost.length, entries);
    for (const { schedule } of jobs) assert.ok(scheduleOptions.safeParse(schedule).success);
  });
});
