/** The operations of one model by its name: typed by the signature of its default version, with its example row. */
import { rowPlan } from '../../protocol/rows/input-plan.ts';
import type { ModelEntry, VersionDescriptor } from '../../models/snapshot.ts';
import { failures } from './components.ts';
import type { FormField, ModelForm, Operation, TensorView } from './document.ts';
import { csvExample, inferExample, ndjsonExample } from './examples.ts';
import { inferRequest } from './infer-schemas.ts';
import { anyOf, componentRef, listOf, objectOf, type Schema } from './json-schema.ts';
import { hasLabels, inputRow, outputRow } from './row-schemas.ts';
import {
  BINARY_BODY,
  INFER_ANSWERS,
  LABELS,
  ndjson,
  predictAnswers,
  PREDICTION_FAILURES,
} from './server-operations.ts';

/** A model that is live, and its default version. */
export interface DocumentedModel {
  readonly entry: ModelEntry;
  readonly descriptor: VersionDescriptor;
}

export interface ModelDocumentation {
  readonly schemas: Readonly<Record<string, Schema>>;
  /** By path, then method. */
  readonly operations: readonly { readonly path: string; readonly method: string; readonly operation: Operation }[];
  readonly form: ModelForm;
}

export function documentModel(
  { entry, descriptor }: DocumentedModel,
  operationId: (text: string) => string,
): ModelDocumentation {
  const { name } = entry;
  const { signature, exampleRows } = descriptor;
  const rows = exampleRows.slice(0, 1);
  const path = `/models/${name}/predict`;
  const schemas = {
    [`${name}.Row`]: inputRow(signature),
    [`${name}.Answer`]: anyOf([
      outputRow(signature, false),
      ...(hasLabels(signature) ? [outputRow(signature, true)] : []),
    ]),
    [`${name}.InferRequest`]: inferRequest(signature),
  };
  const request = objectOf({
    rows: {
      ...listOf(componentRef(`${name}.Row`)),
      minItems: 1,
      ...(signature.batched ? {} : { maxItems: 1 }),
    },
  });
  const response = objectOf({
    model: { const: name },
    version: { type: 'integer', minimum: 1 },
    rows: listOf(componentRef(`${name}.Answer`)),
  });
  const example = inferExample(signature, rows[0] ?? {});
  return {
    schemas,
    operations: [
      {
        path,
        method: 'post',
        operation: {
          operationId: operationId(`predict_${name}`),
          tags: ['Predictions'],
          summary: `Predict rows with ${name}`,
          parameters: [LABELS],
          requestBody: {
            required: true,
            content: {
              'application/json': { schema: request, example: { rows } },
              'application/x-ndjson': ndjson(ndjsonExample(rows)),
              'text/csv': { schema: { type: 'string' }, example: csvExample(rows) },
            },
          },
          responses: { ...predictAnswers(response), ...failures(...PREDICTION_FAILURES) },
        },
      },
      {
        path: `/v2/models/${name}/infer`,
        method: 'post',
        operation: {
          operationId: operationId(`infer_${name}`),
          tags: ['Open Inference Protocol'],
          summary: `Predict tensors with ${name}`,
          requestBody: {
            required: true,
            content: {
              'application/json': {
                schema: componentRef(`${name}.InferRequest`),
                ...(example === undefined ? {} : { example }),
              },
              'application/octet-stream': BINARY_BODY,
            },
          },
          responses: { ...INFER_ANSWERS, ...failures(...PREDICTION_FAILURES) },
        },
      },
    ],
    form: { ...formHead({ entry, descriptor }), path, method: 'POST', example: { rows }, fields: fieldsOf(descriptor) },
  };
}

export function formHead({
  entry,
  descriptor,
}: DocumentedModel): Omit<ModelForm, 'path' | 'method' | 'example' | 'fields'> {
  const { model, platform, signature } = descriptor;
  const view = ({ name, datatype, shape, labels }: TensorView) => ({
    name,
    datatype,
    shape,
    ...(labels && { labels }),
  });
  return {
    name: entry.name,
    version: model.version,
    aliases: entry.aliases,
    platform,
    inputs: signature.inputs.map(view),
    outputs: signature.outputs.map(view),
  };
}

function fieldsOf({ signature }: VersionDescriptor): readonly FormField[] {
  return rowPlan(signature).inputs.flatMap(({ spec, keys }) =>
    (keys ?? [spec.name]).map((key) => ({
      key,
      datatype: spec.datatype,
      isList: keys === undefined,
      isOptional: spec.missing !== undefined && keys !== undefined,
    })),
  );
}
