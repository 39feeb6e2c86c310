/** What a handler's `explain` gives: a JSON value for each row, of whatever form the user likes. */
import { ServeryError } from '../../core/errors.ts';
import type { HandlerContext } from '../define-handler.ts';
import { jsonText } from './json-text.ts';
import { kindOf } from './rows.ts';

/** Why rows or bodies are answered as they are; undefined in a handler that cannot say it. */
export type Explain = ((rows: readonly unknown[], context: HandlerContext<unknown>) => unknown) | undefined;

/** @throws {ServeryError} `HANDLER_FAILED`, naming the explanation */
export function writeExplanation(value: unknown, i: number): string {
  const text = jsonText(value);
  if (text !== undefined) return text;
  const problem = `explanation ${i}: expected a JSON value, got ${kindOf(value)}`;
  throw new ServeryError('HANDLER_FAILED', `The handler gave a wrong result: ${problem}`, {
    hint: '`explain` returns a JSON value for each row.',
  });
}
