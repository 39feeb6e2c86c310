/** The operation of a route that a handler declares. Its schemas are printed from the handler's own. */
import type { HandlerRoute } from '../../runtime/runtime.ts';
import { failures } from './components.ts';
import type { DocumentedModel, ModelDocumentation } from './model-operations.ts';
import { formHead } from './model-operations.ts';
import { componentRef, listOf, objectOf, type Schema } from './json-schema.ts';
import { PREDICTION_FAILURES, STREAMED } from './server-operations.ts';

export function documentHandlerRoute(
  model: DocumentedModel,
  { method, path, bodySchema, responseSchema }: HandlerRoute,
  operationId: (text: string) => string,
): ModelDocumentation {
  const { name } = model.entry;
  const template = toTemplate(path);
  const parameters = Array.from(path.matchAll(/:(\w+)/g), ([, parameter = '']) => ({
    name: parameter,
    in: 'path' as const,
    required: true,
    schema: { type: 'string' },
  }));
  const example = exampleOf(model);
  const json = (schema: Schema) => ({ 'application/json': { schema } });
  return {
    schemas: {
      ...asComponents(`${name}.Body`, bodySchema),
      ...asComponents(`${name}.Answer`, responseSchema),
      [`${name}.Refusal`]: refusal(),
    },
    operations: [
      {
        path: template,
        method: method.toLowerCase(),
        operation: {
          operationId: operationId(`${method.toLowerCase()}_${name}`),
          tags: ['Predictions'],
          summary: `Ask ${name}`,
          ...(parameters.length === 0 ? {} : { parameters }),
          requestBody: {
            required: true,
            content: {
              'application/json': {
                schema: componentRef(`${name}.Body`),
                ...(example === undefined ? {} : { example }),
              },
            },
          },
          responses: {
            200: model.descriptor.streams
              ? { description: 'The answer bit by bit, in the form that Accept names.', content: STREAMED }
              : { description: 'The answer.', content: json(componentRef(`${name}.Answer`)) },
            ...failures(...PREDICTION_FAILURES),
            422: { description: 'The body does not fit, and where.', content: json(componentRef(`${name}.Refusal`)) },
          },
        },
      },
    ],
    form: { ...formHead(model), path: template, method, example: example ?? {} },
  };
}

/** `/users/:id` → `/users/{id}`. */
export function toTemplate(path: string): string {
  return path.replace(/:(\w+)/g, '{$1}');
}

function refusal(): Schema {
  const loc = listOf({ type: ['string', 'integer'] });
  const limits = { type: 'object', description: 'The limits that `msg` names.' };
  const problem = objectOf({ type: { type: 'string' }, loc, msg: { type: 'string' } }, { optional: { ctx: limits } });
  return objectOf({
    error: { type: 'string' },
    code: { const: 'INVALID_INPUT' },
    hint: { type: 'string' },
    detail: listOf(problem),
  });
}

/** The body that warms the handler up: it travels as JSON text in its only input. */
function exampleOf({ descriptor }: DocumentedModel): unknown {
  const [text] = Object.values(descriptor.exampleRows[0] ?? {});
  try {
    return typeof text === 'string' ? JSON.parse(text) : undefined;
  } catch {
    return undefined;
  }
}

/**
 * A schema that stands alone, as components: within a larger document its `#` would be the document's, so its
 * definitions get names of their own.
 */
function asComponents(name: string, schema: unknown): Record<string, Schema> {
  if (typeof schema !== 'object' || schema === null) return { [name]: {} };
  const { $schema: _dialect, $defs = {}, ...root } = schema as Record<string, unknown>;
  const definitions = Object.entries($defs as Record<string, unknown>);
  const nameOf = (definition: string) => `${name}.${definition.replace(/[^A-Za-z0-9_.-]/g, '_')}`;
  const target = (pointer: string): string => {
    if (pointer === '#') return `#/components/schemas/${name}`;
    const [, definition, rest = ''] = /^#\/\$defs\/([^/]+)(\/.*)?$/.exec(pointer) ?? [];
    return definition === undefined ? pointer : `#/components/schemas/${nameOf(definition)}${rest}`;
  };
  const moved = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(moved);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(
      Object.entries(value).map(([key, member]: [string, unknown]) => [
        key,
        key === '$ref' && typeof member === 'string' ? target(member) : moved(member),
      ]),
    );
  };
  return Object.fromEntries([
    [name, moved(root) as Schema],
    ...definitions.map(([key, definition]): [string, Schema] => [nameOf(key), moved(definition) as Schema]),
  ]);
}
