/**
 * What is wrong with a JSON body, in the words of pydantic.
 *
 * A route of a handler often stands in for an endpoint of FastAPI, whose clients read `detail`: its kinds, texts and
 * limits. So zod's issues are told as pydantic tells the same ones; what it has no word for stays as zod says it.
 */
import type * as z from 'zod';
import type { BodyIssue } from '../../core/handler-envelope.ts';

type Words = Pick<BodyIssue, 'code' | 'message' | 'context'>;

/** As zod hands it to an error map, and as it stands in its error when the input is asked for. */
type Issue = z.core.$ZodRawIssue | z.core.$ZodIssue;

/** For each schema that says nothing of its own about what is wrong. */
export const PARSE_OPTIONS = { reportInput: true, error: (issue: z.core.$ZodRawIssue) => wordsOf(issue)?.message };

export function issuesOf({ issues }: z.ZodError): BodyIssue[] {
  return issues.map((issue) => ({
    path: issue.path.map((key) => (typeof key === 'number' ? key : String(key))),
    code: issue.code,
    ...wordsOf(issue),
    message: issue.message,
  }));
}

function wordsOf(issue: Issue): Words | undefined {
  switch (issue.code) {
    case 'invalid_type':
      return typeWords(String(issue.expected), issue.input);
    case 'too_small':
      return limitWords(String(issue.origin), 'min', Number(issue.minimum), issue.inclusive !== false, issue.input);
    case 'too_big':
      return limitWords(String(issue.origin), 'max', Number(issue.maximum), issue.inclusive !== false, issue.input);
    case 'invalid_value':
      return literalWords(issue.values as readonly unknown[]);
    default:
      return undefined;
  }
}

function typeWords(expected: string, input: unknown): Words | undefined {
  if (input === undefined) return { code: 'missing', message: 'Field required' };
  const isNoNumber = typeof input === 'string' && Number.isNaN(Number(input));
  const valid = (type: string, name: string): Words => ({ code: type, message: `Input should be a valid ${name}` });
  switch (expected) {
    case 'string':
      return valid('string_type', 'string');
    case 'number':
      return isNoNumber
        ? valid('float_parsing', 'number, unable to parse string as a number')
        : valid('float_type', 'number');
    case 'int':
      return valid('int_from_float', 'integer, got a number with a fractional part');
    case 'boolean':
      return typeof input === 'string' || typeof input === 'number'
        ? valid('bool_parsing', 'boolean, unable to interpret input')
        : valid('bool_type', 'boolean');
    case 'array':
      return valid('list_type', 'list');
    case 'object':
      return valid('model_attributes_type', 'dictionary or object to extract fields from');
    default:
      return undefined;
  }
}

const NUMBER_LIMITS = {
  min: {
    inclusive: ['greater_than_equal', 'greater than or equal to', 'ge'],
    exclusive: ['greater_than', 'greater than', 'gt'],
  },
  max: {
    inclusive: ['less_than_equal', 'less than or equal to', 'le'],
    exclusive: ['less_than', 'less than', 'lt'],
  },
} as const;

function limitWords(
  origin: string,
  side: 'min' | 'max',
  limit: number,
  isInclusive: boolean,
  input: unknown,
): Words | undefined {
  const [kind, most] = side === 'min' ? ['too_short', 'at least'] : ['too_long', 'at most'];
  if (origin === 'number' || origin === 'int') {
    const [code, than, key] = NUMBER_LIMITS[side][isInclusive ? 'inclusive' : 'exclusive'];
    return { code, message: `Input should be ${than} ${limit}`, context: { [key]: limit } };
  }
  if (origin === 'string') {
    const message = `String should have ${most} ${limit} character${limit === 1 ? '' : 's'}`;
    return { code: `string_${kind}`, message, context: { [`${side}_length`]: limit } };
  }
  if (origin === 'array' && Array.isArray(input)) {
    const message = `List should have ${most} ${limit} item${limit === 1 ? '' : 's'} after validation, not ${input.length}`;
    const context = { field_type: 'List', [`${side}_length`]: limit, actual_length: input.length };
    return { code: kind!, message, context };
  }
  return undefined;
}

function literalWords(values: readonly unknown[]): Words {
  const texts = values.map((value) => (typeof value === 'string' ? `'${value}'` : String(value)));
  const expected = [texts.slice(0, -1).join(', '), ...texts.slice(-1)].filter((text) => text !== '').join(' or ');
  return { code: 'literal_error', message: `Input should be ${expected}`, context: { expected } };
}
