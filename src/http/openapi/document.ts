/** The parts of an OpenAPI document, as far as they are written here. */
import type { Schema } from './json-schema.ts';

export interface OpenApiDocument {
  readonly openapi: '3.1.1';
  readonly info: { readonly title: string; readonly version: string; readonly description: string };
  readonly tags: readonly { readonly name: string; readonly description: string }[];
  readonly security?: readonly Readonly<Record<string, readonly string[]>>[];
  readonly paths: Readonly<Record<string, PathItem>>;
  readonly components: {
    readonly schemas: Readonly<Record<string, Schema>>;
    readonly responses: Readonly<Record<string, Response>>;
    readonly securitySchemes?: Readonly<Record<string, Schema>>;
  };
  /** For the page at /docs: what a form for each model needs. */
  readonly 'x-servery-models': readonly ModelForm[];
}

/** Operations by method in lower case. */
export type PathItem = Readonly<Record<string, Operation>>;

export interface Operation {
  readonly operationId: string;
  readonly tags: readonly string[];
  readonly summary: string;
  readonly description?: string;
  readonly security?: readonly Readonly<Record<string, readonly string[]>>[];
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly required: boolean; readonly content: Readonly<Record<string, MediaType>> };
  readonly responses: Readonly<Record<string, Response | { readonly $ref: string }>>;
}

export interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header';
  readonly required: boolean;
  readonly description?: string;
  readonly schema: Schema;
  readonly example?: unknown;
}

export interface MediaType {
  readonly schema: Schema;
  readonly example?: unknown;
}

export interface Response {
  readonly description: string;
  readonly headers?: Readonly<Record<string, { readonly description: string; readonly schema: Schema }>>;
  readonly content?: Readonly<Record<string, MediaType>>;
}

export interface ModelForm {
  readonly name: string;
  readonly version: number;
  readonly aliases: Readonly<Record<string, number>>;
  readonly platform: string;
  readonly inputs: readonly TensorView[];
  readonly outputs: readonly TensorView[];
  /** Where to post a prediction. */
  readonly path: string;
  readonly method: string;
  /** A body for it. */
  readonly example: unknown;
  /** Undefined when the body is not made of rows. */
  readonly fields?: readonly FormField[];
}

export interface TensorView {
  readonly name: string;
  readonly datatype: string;
  readonly shape: readonly (number | null)[];
  readonly labels?: readonly string[];
}

/** One feature that a person types in. */
export interface FormField {
  readonly key: string;
  readonly datatype: string;
  /** A list, as JSON text. */
  readonly isList: boolean;
  readonly isOptional: boolean;
}
