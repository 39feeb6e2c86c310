/**
 * Prints the reference pages that come from the code: `node scripts/docs.ts` writes them, a test compares.
 *
 * docs/configuration.md is the schema, docs/errors.md the error catalog with the status of each door. The ratios of
 * docs/migrate.md are those of docs/performance.md.
 */
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { configSchema } from '../src/config/schema.ts';
import { listOptions } from '../src/config/options-list.ts';
import { ERROR_CATALOG, type ErrorCode } from '../src/core/errors.ts';
import { STATUS as GRPC_STATUS, STATUS_BY_CODE } from '../src/grpc/errors.ts';
import { STATUS as HTTP_STATUS } from '../src/http/errors.ts';
import { withRatios } from './migrate-ratios.ts';

/** Pages by path below the root of the project. */
export function referencePages(): Readonly<Record<string, string>> {
  const read = (path: string) => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8');
  return {
    'docs/configuration.md': configurationPage(),
    'docs/errors.md': errorsPage(),
    'docs/migrate.md': withRatios(read('docs/migrate.md'), read('docs/performance.md')),
  };
}

function configurationPage(): string {
  const rows = listOptions(configSchema).map(({ path, type, default: value, env, description }) =>
    row([
      `\`${path}\``,
      type,
      value === undefined ? '' : `\`${JSON.stringify(value)}\``,
      env ? `\`${env}\`` : '',
      description,
    ]),
  );
  return `# Configuration

Everything is optional. \`servery.config.ts\` (or \`.js\`, \`.yaml\`, \`.json\`) in the workspace holds what you want to
change; environment variables win over the file, and \`--set path=value\` (or \`--http\`, \`--grpc\`, \`--insecure\`) over both.
\`SERVERY_HTTP\` and \`SERVERY_GRPC\` are short for the two addresses.
What concerns one model may also stand in its \`model.yaml\`, under the same names without \`models.NAME\`; the
configuration wins over it. Lists in variables and flags are separated by commas. Durations are written \`250ms\`,
\`30s\`, \`10m\`, \`2h\` or \`1d\`.

An edited configuration applies to models and jobs within a second; a wrong one is refused and the old one stays in force.
Addresses, limits and keys are read at the start. \`servery check\` names every problem, \`servery config\` prints this list.

| option | type | default | variable | meaning |
|---|---|---|---|---|
${rows.join('\n')}
`;
}

function errorsPage(): string {
  const rows = Object.entries(ERROR_CATALOG).map(([code, { retryable, hint }]) => {
    const http = HTTP_STATUS[code as ErrorCode];
    const grpc = STATUS_BY_CODE[code as ErrorCode];
    return row([`\`${code}\``, String(http), grpcName(grpc), retryable ? 'yes' : 'no', hint]);
  });
  return `# Errors

Every failure has a message that says what was expected and what came, a stable \`code\` for programs, and a \`hint\` for
people. Over HTTP it is \`{ "error", "code", "hint" }\`; over gRPC the message is the status message, and code and hint are
in the trailers \`servery-code\` and \`servery-hint\`. On the command line \`--json\` prints \`{ "error": { "code", "message",
"hint" } }\`. No error holds payloads or paths.

"Retry" says whether the same request may succeed later. A 503 carries \`Retry-After\`.

| code | HTTP | gRPC | retry | hint |
|---|---|---|---|---|
${rows.join('\n')}
`;
}

function row(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}

function grpcName(status: number): string {
  const [name] = Object.entries(GRPC_STATUS).find(([, number]) => number === status) ?? [String(status)];
  return name;
}

if (import.meta.main) {
  const root = new URL('../', import.meta.url);
  for (const [path, text] of Object.entries(referencePages())) await writeFile(new URL(path, root), text);
}
