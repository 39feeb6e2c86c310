/** What a handler prints, line by line: raw, it would land inside the `--json` output of a command. */
import type { Readable } from 'node:stream';

const LONGEST_LINE = 4096;

export function forwardLines(stream: Readable, forward: (line: string) => void): void {
  let rest = '';
  const send = (line: string) => {
    if (line.trim() !== '') forward(line.length > LONGEST_LINE ? `${line.slice(0, LONGEST_LINE)}…` : line);
  };
  stream.setEncoding('utf8');
  stream.on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    // Without this, a handler that prints and never ends a line would fill the memory of this thread.
    if (rest.length > LONGEST_LINE) rest = '';
    for (const line of lines) send(line);
  });
  stream.on('end', () => send(rest));
}
