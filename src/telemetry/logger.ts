/**
 * The log: one line for each thing that an operator may have to know.
 *
 * JSON for machines, and text where standard error is a terminal. Standard output is never used: it
 * belongs to the command. Each thread writes for itself, at once and a whole line at a time, so lines do
 * not mix and the last one before a crash is there.
 */
import { createRequire } from 'node:module';
import { isatty } from 'node:tty';
import { formatLine } from './terminal-line.ts';

type Pino = typeof import('pino');

const LEVELS = ['error', 'warn', 'info', 'debug'] as const;
type Level = (typeof LEVELS)[number];

export type Logger = Readonly<Record<Level, (fields: object, message: string) => void>>;

/** Takes one line with its line break. */
export interface LogDestination {
  write(line: string): void;
}

const STANDARD_ERROR = 2;

export interface LoggerOptions {
  readonly level: Level | 'off';
  /** Standard error by default: text on a terminal, else JSON. */
  readonly destination?: LogDestination;
}

/** What writes the lines is loaded with the first one: most threads of a server never have any. */
export function createLogger(options: LoggerOptions): Logger {
  let logger: Logger | undefined;
  const lines = LEVELS.map((level, i) => {
    const isWanted = options.level !== 'off' && i <= LEVELS.indexOf(options.level);
    const write: Logger[Level] = (fields, message) => (logger ??= openLogger(options))[level](fields, message);
    return [level, isWanted ? write : () => {}] as const;
  });
  return Object.fromEntries(lines) as Logger;
}

function openLogger({ level, destination }: LoggerOptions): Logger {
  const { destination: openFile, pino, stdTimeFunctions } = createRequire(import.meta.url)('pino') as Pino;
  return pino(
    {
      level,
      base: null,
      messageKey: 'message',
      errorKey: 'error',
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { error: describeError },
    },
    destination ?? standardError(openFile),
  );
}

function standardError(openFile: Pino['destination']): LogDestination {
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
