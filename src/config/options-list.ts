/**
 * The configuration's schema as a flat list of options.
 *
 * The environment variables, what `--set` takes and docs/configuration.md all come from this list, so none of
 * them can drift from what is accepted.
 */
import * as z from 'zod';

export interface Option {
  /** `http.maxBodyBytes`; `*` stands for a name that the user chooses. */
  readonly path: string;
  /** Undefined for options below a `*` and for lists of objects: these are for the file only. */
  readonly env: string | undefined;
  readonly type: string;
  readonly default: unknown;
  readonly description: string;
}

interface JsonSchema {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly additionalProperties?: JsonSchema | boolean;
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly default?: unknown;
  readonly description?: string;
}

export function listOptions(schema: z.ZodType): readonly Option[] {
  return Array.from(walk(z.toJSONSchema(schema, { io: 'input' }) as JsonSchema, []));
}

function* walk(schema: JsonSchema, path: readonly string[]): Generator<Option> {
  if (schema.properties !== undefined) {
    for (const [name, child] of Object.entries(schema.properties)) yield* walk(child, [...path, name]);
    return;
  }
  const values = schema.additionalProperties;
  if (typeof values === 'object' && values.properties !== undefined) {
    yield* walk(values, [...path, '*']);
    return;
  }
  const isPlain = !path.includes('*') && typeof values !== 'object' && schema.items?.type !== 'object';
  const words = path.flatMap((name) => name.split(/(?=[A-Z])/)).map((word) => word.toLowerCase());
  yield {
    path: path.join('.'),
    env: isPlain ? `SERVERY_${words.join('_').toUpperCase()}` : undefined,
    type: typeOf(schema),
    default: schema.default,
    description: schema.description ?? '',
  };
}

function typeOf(schema: JsonSchema): string {
  if (schema.enum !== undefined) return schema.enum.map((value) => JSON.stringify(value)).join(' or ');
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.anyOf !== undefined) return schema.anyOf.map(typeOf).join(' or ');
  if (schema.type === 'array') return `list of ${schema.items === undefined ? 'values' : typeOf(schema.items)}`;
  if (typeof schema.additionalProperties === 'object') return `map of ${typeOf(schema.additionalProperties)}`;
  return schema.type ?? 'value';
}

/** Reads the text of a flag or variable as the option's type; what does not fit is left for the schema to refuse. */
export function parseOptionText(option: Option, text: string): unknown {
  if (option.type.startsWith('list of')) return text === '' ? [] : text.split(',').map((item) => item.trim());
  if (option.type === 'boolean' && (text === 'true' || text === 'false')) return text === 'true';
  const isNumeric = /\b(number|integer)\b/.test(option.type) && /^-?\d+(\.\d+)?$/.test(text);
  return isNumeric ? Number(text) : text;
}
