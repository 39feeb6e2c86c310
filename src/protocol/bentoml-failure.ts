/** Bodies that do not fit, as BentoML tells of them: in the words that pydantic has for JSON. */
import { ServeryError } from '../core/errors.ts';
import type { BodyIssue } from '../core/handler-envelope.ts';
import { isJsonObject } from './json.ts';

/** An argument of a model that is missing or does not fit. */
export class ArgumentError extends ServeryError {
  readonly issue: BodyIssue;

  constructor(issue: BodyIssue, cause?: unknown) {
    super('INVALID_INPUT', issue.message, { cause });
    this.issue = issue;
  }
}

/** What a body is to it: an object of arguments, or one positional argument, by the type of that. */
export function inputTitle(schema: unknown): string {
  const type = isJsonObject(schema) ? schema['type'] : undefined;
  return type === 'array' ? 'listIODescriptor' : type === 'string' ? 'strIODescriptor' : 'Input';
}

export function validationError(issues: readonly BodyIssue[], title = 'Input'): string {
  const root = title === 'Input' ? [] : ['root'];
  return JSON.stringify({
    error: `${issues.length} validation error for ${title}`,
    detail: issues.map((issue) => {
      const { code, message } = root.length === 0 ? { ...issue, ...IN_JSON[issue.code] } : issue;
      return { type: code, loc: [...root, ...issue.path], msg: message };
    }),
  });
}

/** Where pydantic has other words for a text in JSON than for what FastAPI has parsed. */
const IN_JSON: Readonly<Record<string, Pick<BodyIssue, 'code' | 'message'>>> = {
  model_attributes_type: { code: 'model_type', message: 'Input should be an object' },
  list_type: { code: 'list_type', message: 'Input should be a valid array' },
  json_invalid: { code: 'json_invalid', message: 'Invalid JSON' },
};
