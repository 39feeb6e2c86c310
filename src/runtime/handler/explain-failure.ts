/**
 * Errors of a user's module in words that may be shown: where and what, with paths of the version's folder only.
 *
 * The text goes to the API and the command line as the reason why a version is not ready, so it says the file and
 * line, and no directory of the machine.
 */
import { pathToFileURL } from 'node:url';
import { inspect } from 'node:util';
import { ServeryError } from '../../core/errors.ts';

/**
 * One line: `handler.ts:12: Cannot find module …`.
 *
 * @param lastRead URL of the file that was read last: wrong JavaScript is found right after, and says no file
 */
export function explainFailure(error: unknown, folder: string, lastRead = ''): string {
  if (error instanceof ServeryError) return error.message;
  if (!(error instanceof Error)) return withoutPaths(`it threw ${inspect(error, { depth: 0 })}`, folder);
  const message = withoutPaths(error.message, folder).split('\n', 1)[0] ?? '';
  const place =
    placeOf(error.stack ?? '', folder) || (error instanceof SyntaxError ? withoutPaths(lastRead, folder) : '');
  const text = error.name === 'Error' ? message : `${error.name}: ${message}`;
  return place === '' ? text : `${place}: ${text}`;
}

/** The topmost line of a stack that lies in the version's folder. */
function placeOf(stack: string, folder: string): string {
  const [, file = '', line = ''] =
    new RegExp(`${RegExp.escape(pathToFileURL(folder).href)}/([^\\s:]+):(\\d+)`).exec(stack) ?? [];
  return file === '' ? '' : `${decodeURI(file)}:${line}`;
}

function withoutPaths(text: string, folder: string): string {
  return (
    text
      .replaceAll(`${pathToFileURL(folder).href}/`, '')
      .replaceAll(`${folder}/`, '')
      // What lies elsewhere keeps its last segment.
      .replaceAll(/(?<![\w:/.])(?:file:\/\/)?\/(?:[^\s'"():/]+\/)+([^\s'"():/]*)/g, '$1')
  );
}
