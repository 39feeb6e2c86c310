import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as z from 'zod';
import { issuesOf, PARSE_OPTIONS } from '../../../../src/runtime/handler/body-issues.ts';

/** What is wrong, as `[code, message, context]`. */
function told(schema: z.ZodType, body: unknown) {
  const { error } = schema.safeParse(body, PARSE_OPTIONS);
  return issuesOf(error!).map(({ code, message, context }) => (context ? [code, message, context] : [code, message]));
}

describe('what is wrong with a body', () => {
  const cases: readonly (readonly [z.ZodType, unknown, ...unknown[]])[] = [
    [z.number(), undefined, 'missing', 'Field required'],
    [z.number(), 'x', 'float_parsing', 'Input should be a valid number, unable to parse string as a number'],
    [z.number(), '12', 'float_type', 'Input should be a valid number'],
    [z.int(), 1.5, 'int_from_float', 'Input should be a valid integer, got a number with a fractional part'],
    [z.boolean(), 'maybe', 'bool_parsing', 'Input should be a valid boolean, unable to interpret input'],
    [z.boolean(), null, 'bool_type', 'Input should be a valid boolean'],
    [z.array(z.number()), {}, 'list_type', 'Input should be a valid list'],
    [z.number().gte(1), 0, 'greater_than_equal', 'Input should be greater than or equal to 1', { ge: 1 }],
    [z.number().lt(5), 5, 'less_than', 'Input should be less than 5', { lt: 5 }],
    [z.number().lte(5), 6, 'less_than_equal', 'Input should be less than or equal to 5', { le: 5 }],
    [z.string().min(1), '', 'string_too_short', 'String should have at least 1 character', { min_length: 1 }],
    [z.string().max(2), 'abc', 'string_too_long', 'String should have at most 2 characters', { max_length: 2 }],
    [z.enum(['a', 'b', 'c']), 'd', 'literal_error', "Input should be 'a', 'b' or 'c'", { expected: "'a', 'b' or 'c'" }],
  ];
  for (const [schema, body, ...expected] of cases) {
    it(`is told as pydantic tells it: ${String(expected[0])} for ${JSON.stringify(body)}`, () => {
      assert.deepEqual(told(schema, body), [expected]);
    });
  }

  it('names the size of a list', () => {
    const context = { field_type: 'List', min_length: 2, actual_length: 1 };
    const message = 'List should have at least 2 items after validation, not 1';
    assert.deepEqual(told(z.array(z.number()).min(2), [1]), [['too_short', message, context]]);
  });

  it('is what the schema itself says, if it says something', () => {
    assert.deepEqual(told(z.number('a number, please'), 'x'), [['float_parsing', 'a number, please']]);
  });

  it('stays in the words of zod where pydantic has none', () => {
    assert.deepEqual(told(z.string().regex(/^a/), 'b'), [
      ['invalid_format', 'Invalid string: must match pattern /^a/'],
    ]);
  });
});
