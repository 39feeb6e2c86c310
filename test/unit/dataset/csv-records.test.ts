/** Which lines of a CSV file are records, whatever is wrong with the lines beside them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { CsvRecords, csvForm } from '../../../src/dataset/csv-records.ts';

const FORM = csvForm({ delimiter: ',', quote: '"', header: true, nullText: '', maxLineBytes: 200 }, undefined, 2);

function split(text: string, blockBytes = 1_000_000) {
  const bytes = Buffer.from(text, 'latin1');
  const records = new CsvRecords(FORM, { row: 0, line: 1, byte: 0 });
  const positions: number[] = [];
  const counted = new CsvRecords(FORM, { row: 0, line: 1, byte: 0 }, ({ byte }) => positions.push(byte));
  let output = '';
  const bad: { row: number; line: number; message: string; text: string }[] = [];
  for (let at = 0; at < bytes.length || at === 0; at += blockBytes) {
    const isLast = at + blockBytes >= bytes.length;
    for (const reader of [records, counted]) reader.push(bytes.subarray(at, at + blockBytes), isLast);
    output += Buffer.concat(records.takeOutput()).toString('latin1');
    bad.push(...records.takeBad());
  }
  assert.equal(records.goodRows + bad.length, positions.length, 'counting finds the records that reading finds');
  assert.equal(records.position.row, positions.length);
  assert.equal(records.position.byte, bytes.length);
  assert.equal(counted.position.byte, bytes.length);
  return { output, bad: bad.map(({ row, line, message }) => [row, line, message]), positions };
}

const CASES: readonly [name: string, text: string, output: string, bad: readonly unknown[]][] = [
  ['plain lines', '1,2\n3,4\n', '1,2\n3,4\n', []],
  ['no line break at the end', '1,2\n3,4', '1,2\n3,4\n', []],
  ['line breaks of Windows', '1,2\r\n3,"4"\r\n', '1,2\n3,"4"\n', []],
  ['empty lines', '\n1,2\n\r\n\n3,4\n\n', '1,2\n3,4\n', []],
  ['quoted cells', '"a,b","c ""d"""\n1,"x\ny"\n', '"a,b","c ""d"""\n1,"x\ny"\n', []],
  ['too few cells', '1,2\n3\n5,6\n', '1,2\n5,6\n', [[1, 2, 'it has 1 cell, and the header 2']]],
  ['too many cells', '1,2,3\n5,6\n', '5,6\n', [[0, 1, 'it has 3 cells, and the header 2']]],
  ['an unclosed quote before plain lines', '1,"a\n3,4\n5,6\n', '3,4\n5,6\n', [[0, 1, 'a quote is never closed']]],
  [
    'an unclosed quote before quoted lines',
    '1,"a\n3,"b"\n5,6\n',
    '3,"b"\n5,6\n',
    [[0, 1, 'something follows a closing quote']],
  ],
  [
    'an unclosed quote that closes at a wrong place',
    '1,"a\n2,b\n",c\n5,6\n',
    '2,b\n5,6\n',
    [
      [0, 1, 'it has 3 cells, and the header 2'],
      [2, 3, 'a quote is never closed'],
    ],
  ],
  ['a quote within a cell', '1,5" pipe\n5,6\n', '5,6\n', [[0, 1, 'a quote begins within a cell']]],
  ['a carriage return within a cell', '1,a\rb\n5,6\n', '5,6\n', [[0, 1, 'a carriage return stands within a cell']]],
  ['a carriage return within quotes', '1,"a\rb"\n5,6\n', '1,"a\rb"\n5,6\n', []],
  ['bytes that are no text', '1,\xff\n5,6\n', '5,6\n', [[0, 1, 'it is not UTF-8']]],
  ['a line that is too long', `1,${'x'.repeat(300)}\n5,6\n`, '5,6\n', [[0, 1, 'it is longer than csv.maxLineBytes']]],
  ['a line cut at the end of the file', '1,2\n3', '1,2\n', [[1, 2, 'it has 1 cell, and the header 2']]],
  ['nothing', '', '', []],
];

for (const [name, text, output, bad] of CASES) {
  test(`CSV records: ${name}`, () => {
    for (const blockBytes of [1_000_000, 7, 1]) {
      const found = split(text, blockBytes);
      assert.equal(found.output, output, `in blocks of ${blockBytes} bytes`);
      assert.deepEqual(found.bad, bad, `in blocks of ${blockBytes} bytes`);
    }
  });
}

test('records are the same however the bytes come in, and from any of their positions on', () => {
  const line = fc.array(fc.constantFrom('1', ',', '"', '""', '\r', 'a', ' '), { maxLength: 8 });
  const text = fc.array(line, { maxLength: 8 }).map((lines) => lines.map((cells) => cells.join('')).join('\n'));
  fc.assert(
    fc.property(text, fc.integer({ min: 1, max: 9 }), (csv, blockBytes) => {
      const whole = split(csv);
      assert.deepEqual(split(csv, blockBytes), whole);
      // Cut at each record: both halves say what the whole said.
      for (const byte of whole.positions) {
        const [head, tail] = [split(csv.slice(0, byte)), split(csv.slice(byte))];
        assert.equal(head.positions.length + tail.positions.length, whole.positions.length);
        assert.equal(head.output + tail.output, whole.output);
      }
    }),
    { numRuns: 500 },
  );
});
