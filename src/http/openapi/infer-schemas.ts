/** Inference requests of the Open Inference Protocol as JSON Schema, from a signature. */
import type { Signature, TensorSpec } from '../../core/signature.ts';
import { anyOf, componentRef, inputValue, listOf, objectOf, type Schema } from './json-schema.ts';

/** A request that fits the signature, as far as a schema can say: not that the values are as many as the shape tells. */
export function inferRequest(signature: Signature): Schema {
  const { inputs, outputs } = signature;
  return requestOf(
    listOf(inputs.length === 0 ? {} : anyOf(inputs.map((spec) => inputTensor(spec, signature.batched))), inputs.length),
    { enum: outputs.map(({ name }) => name) },
  );
}

/** A request for any model. */
export function anyInferRequest(): Schema {
  const tensor = objectOf(
    { name: { type: 'string' }, datatype: { type: 'string' }, shape: listOf({ type: 'integer', minimum: 0 }) },
    {
      optional: {
        data: listOf({ type: ['number', 'string', 'boolean', 'array'] }),
        parameters: componentRef('Parameters'),
      },
      open: true,
    },
  );
  return requestOf(listOf(tensor), { type: 'string' });
}

function requestOf(inputs: Schema, outputName: Schema): Schema {
  const outputParameters = {
    binary_data: { type: 'boolean', description: 'Answer it in binary, after the JSON.' },
    classification: { type: 'integer', minimum: 1, description: 'The best K classes instead of the values.' },
  };
  const parameters = objectOf({}, { optional: outputParameters, open: true });
  const output = objectOf({ name: outputName }, { optional: { parameters }, open: true });
  const optional = {
    id: { type: 'string', description: 'Comes back in the answer.' },
    parameters: componentRef('InferParameters'),
    outputs: { ...listOf(output), description: 'All outputs, when it is absent.' },
  };
  return objectOf({ inputs }, { optional, open: true });
}

function inputTensor({ name, datatype, shape, text }: TensorSpec, batched: boolean): Schema {
  const sizes = shape.map((size, axis): Schema =>
    size === null ? { type: 'integer', minimum: batched && axis === 0 ? 1 : 0 } : { const: size },
  );
  const tuple = { type: 'array', prefixItems: sizes, minItems: sizes.length, maxItems: sizes.length };
  const binarySize = { type: 'integer', minimum: 0, description: 'Bytes of it after the JSON, instead of data.' };
  const parameters = objectOf({}, { optional: { binary_data_size: binarySize }, open: true });
  const data = {
    type: 'array',
    description: 'Row by row; flat, or nested like the shape.',
    items: anyOf([inputValue(datatype, { text: text === true }), { type: 'array' }]),
  };
  return objectOf(
    { name: { const: name }, datatype: { const: datatype }, shape: sizes.length === 0 ? listOf({}, 0) : tuple },
    // FP16 has no form in JSON.
    { optional: datatype === 'FP16' ? { parameters } : { data, parameters }, open: true },
  );
}
