/** What a service of BentoML says of its methods: to its clients, as OpenAPI, and as a page. */
import { plainSchema, type MethodSchema } from './bentoml.ts';

/** What its clients read first. */
export function serviceOf(routes: readonly MethodSchema[]): object {
  const paths = Object.fromEntries(routes.map(({ route }) => [route, { mounted: false }]));
  return { name: 'servery', type: 'service', routes, paths };
}

/** The names of models need no escaping. */
export function pageOf(methods: readonly MethodSchema[]): string {
  const items = methods.map(({ route }) => `<li><code>POST ${route}</code></li>`).join('');
  return (
    '<!doctype html><html lang="en"><meta charset="utf-8"><title>Servery</title>' +
    `<h1>Methods</h1><ul>${items}</ul><p><a href="docs.json">OpenAPI</a>, <a href="schema.json">schema</a></p></html>`
  );
}

export function openApiOf(methods: readonly MethodSchema[]): object {
  const paths = methods.map(({ name, route, input, output }) => {
    const schema = plainSchema(input);
    const content = { 'application/json': { schema }, 'multipart/form-data': { schema } };
    const answer = { description: 'The answer.', content: { [answerType(output)]: { schema: plainSchema(output) } } };
    const failures = [400, 500, 503].map((status) => [status, { $ref: '#/components/responses/Failure' }] as const);
    const responses = { 200: answer, ...Object.fromEntries(failures) };
    return [route, { post: { operationId: name, requestBody: { required: true, content }, responses } }] as const;
  });
  const error = { type: 'object', properties: { error: { type: 'string' }, detail: {} }, required: ['error'] };
  const failure = { description: 'Why there is no answer.', content: { 'application/json': { schema: error } } };
  const info = { title: 'servery', version: '1', description: 'A method for each model.' };
  // The version in which schemas are those of JSON Schema, as handlers have them.
  return { openapi: '3.1.0', info, paths: Object.fromEntries(paths), components: { responses: { Failure: failure } } };
}

function answerType(output: object): string {
  const { type } = output as { readonly type?: unknown };
  return type === 'file' ? 'application/octet-stream' : type === 'string' ? 'text/plain' : 'application/json';
}
