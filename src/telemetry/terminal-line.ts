/** A log line for a person at a terminal, made of the line for machines. */
import { styleText } from 'node:util';

const COLOURS = { debug: 'dim', info: 'green', warn: 'yellow', error: 'red' } as const;

interface ErrorFields {
  readonly message?: string;
  readonly stack?: string;
  readonly cause?: ErrorFields;
}

/** @param json one line, as the logger writes it */
export function formatLine(json: string): string {
  const { time, level, message, error, ...fields } = JSON.parse(json) as Record<string, unknown> & {
    readonly time: string;
    readonly level: keyof typeof COLOURS;
    readonly message?: string;
    readonly error?: ErrorFields;
  };
  const clock = new Date(time).toTimeString().slice(0, 8);
  const words = [styleText('dim', clock), styleText(COLOURS[level], level.padEnd(5)), printable(message ?? '')];
  for (const [name, value] of Object.entries(fields)) {
    words.push(styleText('dim', `${name}=`) + printable(typeof value === 'string' ? value : JSON.stringify(value)));
  }
  return `${words.join(' ')}\n${error === undefined ? '' : formatError(error, '  ')}`;
}

function formatError({ message = '', stack = message, cause }: ErrorFields, indent: string): string {
  const lines = stack.split('\n').map((line) => `${indent}${printable(line)}\n`);
  return lines.join('') + (cause === undefined ? '' : `${indent}caused by\n${formatError(cause, `${indent}  `)}`);
}

/** Without control characters: a message may quote what others sent, and a terminal obeys escapes. */
function printable(text: string): string {
  // eslint-disable-next-line no-control-regex
  return text.replace(/[\u0000-\u001f\u007f-\u009f]/g, '?');
}
