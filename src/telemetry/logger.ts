/**
 * The log: one line for each thing that an operator may have to know.
 *
 * JSON for machines, and text where standard error is a terminal. Standard output is never used: it
 * belongs to the command. Each thread writes for itself, at once and a whole line at a time, so lines do
 * not mix and the last one before a crash is there.
 */
import { isatty } from 'node:tty';
import { destination as openFile, pino, stdTimeFunctions, type Logger } from 'pino';
import { formatLine } from './terminal-line.ts';

export type { Logger };

/** Takes one line with its line break. */
export interface LogDestination {
  write(line: string): void;
}

const STANDARD_ERROR = 2;

export interface LoggerOptions {
  readonly level: 'error' | 'warn' | 'info' | 'debug' | 'off';
  /** Standard error by default: text on a terminal, else JSON. */
  readonly destination?: LogDestination;
}

export function createLogger({ level, destination = standardError() }: LoggerOptions): Logger {
  return pino(
    {
      level: level === 'off' ? 'silent' : level,
      base: null,
      messageKey: 'message',
      errorKey: 'error',
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { error: describeError },
    },
    destination,
  );
}

function standardError(): LogDestination {
  const file = openFile({ dest: STANDARD_ERROR, sync: true });
  return isatty(STANDARD_ERROR) ? { write: (line) => void file.write(formatLine(line)) } : file;
}

/** With the stack and the causes; without the other fields of an error, as these could hold payloads. */
function describeError(error: unknown): object {
  if (!(error instanceof Error)) return { message: String(error) };
  const { name, message, stack, cause } = error;
  const { code } = error as { readonly code?: unknown };
  return {
    name,
    ...(typeof code === 'string' ? { code } : {}),
    message,
    stack,
    ...(cause === undefined ? {} : { cause: describeError(cause) }),
  };
}
