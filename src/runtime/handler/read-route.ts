/**
 * A handler with a route of its own: JSON bodies in, JSON answers out.
 *
 * Inside it is a model like any other, with one BYTES input and one BYTES output. The schemas are applied in
 * the handler's thread: they are the user's code, which no other thread runs.
 */
import type * as z from 'zod';
import { chunkJson } from '../../core/chunk.ts';
import { ServeryError } from '../../core/errors.ts';
import { encodeEnvelope, type BodyIssue } from '../../core/handler-envelope.ts';
import { isReservedRoute } from '../../core/reserved-routes.ts';
import type { Signature } from '../../core/signature.ts';
import type { BytesElement } from '../../core/tensor.ts';
import type { HandlerRoute } from '../runtime.ts';
import type { HandlerContext } from '../define-handler.ts';
import { issuesOf, PARSE_OPTIONS } from './body-issues.ts';
import { readChunks } from './chunks.ts';
import { writeExplanation, type Explain } from './explanations.ts';
import { jsonText } from './json-text.ts';
import { asList, invalidHandler, type ReadForm, type Run, type Work } from './read-handler.ts';
import { kindOf } from './rows.ts';

const SIGNATURE: Signature = {
  inputs: [{ name: 'body', datatype: 'BYTES', shape: [null], text: true }],
  outputs: [{ name: 'response', datatype: 'BYTES', shape: [null] }],
  batched: true,
};

/** Methods that carry a body. */
const ROUTE = /^(POST|PUT|PATCH) (\/\S*)$/;
const SEGMENT = /^(?::[A-Za-z_][A-Za-z0-9_]*|[A-Za-z0-9._~-]+)$/;

/** @throws {ServeryError} `MODEL_INVALID` */
export async function readRoute(definition: object, work: Work, explain: Explain): Promise<ReadForm> {
  const { route, body, response } = definition as { route: unknown; body: unknown; response?: unknown };
  const bodies = checkSchema('body', body);
  const answers = response === undefined ? undefined : checkSchema('response', response);
  const described = await describeRoute(route, bodies, answers);
  const form = {
    signature: SIGNATURE,
    route: described,
    explain:
      explain &&
      answerBodies(
        bodies,
        async (valid, context) => asList(await explain(valid, context), 'explain'),
        writeExplanation,
      ),
  };
  if ('stream' in work) return { ...form, ...streamForm(bodies, answers, work.stream) };
  return {
    ...form,
    run: answerBodies(
      bodies,
      async (valid, context) => asList(await work.predict(valid, context)),
      (result, i) => writeAnswer(answers, result, i),
    ),
  };
}

/**
 * @param answer is given the bodies that fit
 * @param write a result as JSON text
 */
function answerBodies(
  schema: z.ZodType,
  answer: (valid: readonly unknown[], context: HandlerContext<unknown>) => Promise<readonly unknown[]>,
  write: (result: unknown, i: number) => string | Promise<string>,
): Run {
  return async ([tensor], rows, context) => {
    const parsed = await Promise.all((tensor!.data as readonly BytesElement[]).map((text) => parseBody(schema, text)));
    const valid = parsed.filter((one) => 'value' in one).map(({ value }) => value);
    const results = valid.length === 0 ? [] : await answer(valid, context);
    // A wrong number stays wrong: whoever splits the rows says so, with the name of the model.
    const surplus = results.length - valid.length;
    if (surplus !== 0) return [column(new Array<string>(rows + surplus).fill(''))];
    const texts = await Promise.all(results.map(async (result, i) => write(result, i)));
    let next = 0;
    return [column(parsed.map((one) => encodeEnvelope('value' in one ? { ok: texts[next++]! } : one)))];
  };
}

/** Whoever does not ask for chunks gets a list of them. */
function streamForm(
  bodies: z.ZodType,
  chunks: z.ZodType | undefined,
  stream: Extract<Work, { stream: unknown }>['stream'],
): Required<Pick<ReadForm, 'run' | 'stream'>> {
  return {
    run: async ([tensor], _rows, context) => {
      const data: string[] = [];
      for (const text of tensor!.data as readonly BytesElement[]) {
        const parsed = await parseBody(bodies, text);
        if ('invalid' in parsed) data.push(encodeEnvelope(parsed));
        else {
          const list: string[] = [];
          for await (const chunk of readChunks(stream(parsed.value, context), chunks)) list.push(chunkJson(chunk));
          data.push(encodeEnvelope({ ok: `[${list.join()}]` }));
        }
      }
      return [column(data)];
    },
    async *stream([tensor], context) {
      const parsed = await parseBody(bodies, (tensor!.data as readonly BytesElement[])[0]!);
      if ('invalid' in parsed) return [column([encodeEnvelope(parsed)])];
      yield* readChunks(stream(parsed.value, context), chunks);
      return [];
    },
  };
}

const column = (data: readonly string[]) => ({ datatype: 'BYTES' as const, shape: [data.length], data });

async function parseBody(
  schema: z.ZodType,
  element: BytesElement,
): Promise<{ value: unknown } | { invalid: BodyIssue[] }> {
  let body: unknown;
  try {
    body = JSON.parse(typeof element === 'string' ? element : new TextDecoder().decode(element));
  } catch {
    return { invalid: [{ path: [], message: 'JSON decode error', code: 'json_invalid' }] };
  }
  const result = await schema.safeParseAsync(body, PARSE_OPTIONS);
  return result.success ? { value: result.data } : { invalid: issuesOf(result.error) };
}

async function writeAnswer(schema: z.ZodType | undefined, answer: unknown, i: number): Promise<string> {
  const result = await schema?.safeParseAsync(answer);
  if (result?.success === false) {
    throw wrongAnswer(i, 'it does not fit the response schema', result.error);
  }
  const value = result === undefined ? answer : result.data;
  const text = jsonText(value);
  if (text !== undefined) return text;
  throw wrongAnswer(i, `expected a JSON value, got ${kindOf(value)}`);
}

function wrongAnswer(i: number, problem: string, cause?: Error): ServeryError {
  return new ServeryError('HANDLER_FAILED', `The handler gave a wrong result: answer ${i}: ${problem}`, {
    cause,
    hint: 'Compare what `predict` returns with the `response` schema.',
  });
}

function checkSchema(key: string, schema: unknown): z.ZodType {
  if (typeof schema === 'object' && schema !== null && '_zod' in schema) return schema as z.ZodType;
  throw invalidHandler(`${key} has to be a zod schema`, "Write `import * as z from 'zod'` and `z.object({ … })`.");
}

async function describeRoute(route: unknown, body: z.ZodType, response: z.ZodType | undefined): Promise<HandlerRoute> {
  const [, method, path] = (typeof route === 'string' ? ROUTE.exec(route) : null) ?? [];
  if (method === undefined || path === undefined) {
    throw invalidHandler("route has to be POST, PUT or PATCH and a path, such as 'POST /score'");
  }
  const segments = path.slice(1).split('/');
  const names = segments.filter((segment) => segment.startsWith(':'));
  if (!segments.every((segment) => SEGMENT.test(segment)) || segments.some((segment) => /^\.+$/.test(segment))) {
    throw invalidHandler('the path of its route has a segment that is neither a plain name nor `:name`');
  }
  if (new Set(names).size < names.length) throw invalidHandler('the path of its route has a parameter twice');
  if (isReservedRoute(method, path)) {
    throw invalidHandler(
      `its route ${method} ${path} is or may become one of Servery's own`,
      'Begin the path with a plain name that is none of theirs (docs/handlers.md lists them), such as /score.',
    );
  }
  // Only here, and only for routes: a thread without schemas should not spend its memory on zod.
  const { toJSONSchema } = await import('zod');
  const print = (key: string, schema: z.ZodType, io: 'input' | 'output') => {
    try {
      return toJSONSchema(schema, { io, unrepresentable: 'any' });
    } catch (cause) {
      throw invalidHandler(
        `${key} cannot be printed as JSON Schema: ${cause instanceof Error ? cause.message : String(cause)}`,
      );
    }
  };
  const responseSchema = response === undefined ? {} : print('response', response, 'output');
  return { method, path, bodySchema: print('body', body, 'input'), responseSchema };
}
