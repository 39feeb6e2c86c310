import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Validator } from '@seriousme/openapi-schema-validator';
import { toJSONSchema, z } from 'zod';
import type { Signature } from '../../../src/core/signature.ts';
import { DATATYPES } from '../../../src/core/tensor.ts';
import { builtInRoutes } from '../../../src/http/routes.ts';
import type { HttpDeps } from '../../../src/http/deps.ts';
import { httpOptions } from '../../../src/http/options.ts';
import { buildOpenApi, isDocumented } from '../../../src/http/openapi/build-document.ts';
import { toJson } from '../../../src/http/openapi/json-schema.ts';
import type { DocumentedModel } from '../../../src/http/openapi/model-operations.ts';
import { createOpenApiPage } from '../../../src/http/openapi/openapi-page.ts';
import { exampleRows } from '../../../src/protocol/rows.ts';

const settings = { version: '1.2.3', authentication: false };
// The table only reads its options; nothing is asked of the rest before a request comes.
const routes = builtInRoutes({ options: httpOptions.parse({}) } as HttpDeps, () => false).filter(isDocumented);

const iris: Signature = {
  batched: true,
  inputs: [{ name: 'X', datatype: 'FP32', shape: [null, 2], features: ['width', 'length'] }],
  outputs: [
    { name: 'label', datatype: 'INT64', shape: [null], labels: ['setosa', 'virginica'] },
    { name: 'probabilities', datatype: 'FP32', shape: [null, 2], labels: ['setosa', 'virginica'] },
  ],
};

function model(name: string, signature: Signature, route?: DocumentedModel['descriptor']['route']): DocumentedModel {
  return {
    entry: { name, defaultVersion: 3, aliases: { champion: 3 }, versions: [] },
    descriptor: {
      key: 1,
      model: { name, version: 3 },
      signature,
      platform: 'onnxruntime_onnx',
      batching: { maxRows: 64, latencyBudgetMs: 50, maxQueuedRows: 1024 },
      minRows: 1,
      batchable: true,
      queueCounters: new SharedArrayBuffer(4),
      costs: [],
      exampleRows: route === undefined ? exampleRows(signature, 1) : [{ body: '{"amount":12}' }],
      ...(route === undefined ? {} : { route }),
    },
  };
}

/** As a reader gets it. */
type Json = { [key: string]: Json };
function documentOf(models: readonly DocumentedModel[], options = settings): Json {
  return JSON.parse(toJson(buildOpenApi(models, routes, options))) as Json;
}

async function assertValid(document: Json): Promise<void> {
  const { valid, errors } = await new Validator().validate(structuredClone(document));
  assert.ok(valid, JSON.stringify(errors, null, 2));
}

const every: Signature = {
  batched: true,
  inputs: DATATYPES.map((datatype) => ({ name: `in ${datatype}`, datatype, shape: [null, 2, null] })),
  outputs: DATATYPES.map((datatype) => ({ name: `out ${datatype}`, datatype, shape: [null] })),
};
const call: Signature = {
  batched: false,
  inputs: [
    { name: 'a', datatype: 'FP32', shape: [] },
    { name: 'b', datatype: 'BYTES', shape: [null], text: true },
  ],
  outputs: [{ name: 'c', datatype: 'FP16', shape: [2, 3] }],
};
const body = z.object({ amount: z.number().min(0), tags: z.array(z.string()).optional() });
const handler = model(
  'score',
  { batched: true, inputs: [{ name: 'body', datatype: 'BYTES', shape: [null] }], outputs: [] },
  {
    method: 'POST',
    path: '/customers/:id/score',
    bodySchema: toJSONSchema(body, { io: 'input' }),
    responseSchema: toJSONSchema(z.object({ score: z.number() })),
  },
);

test('the document is valid OpenAPI, without models and with all kinds of them', async () => {
  await assertValid(documentOf([]));
  await assertValid(documentOf([model('iris', iris), model('every', every), model('call', call), handler]));
  await assertValid(documentOf([model('iris', iris)], { ...settings, authentication: true }));
});

test('every built-in route is described, but for those that only say they are not offered', () => {
  const { paths } = documentOf([]);
  const described = Object.entries(paths!).flatMap(([path, item]) =>
    Object.keys(item).map((method) => `${method.toUpperCase()} ${path}`),
  );
  const offered = routes
    .filter(({ docs }) => !docs.summary.startsWith('Not offered'))
    .map(({ method, path }) => `${method} ${path.replace(/:(\w+)/g, '{$1}')}`);
  assert.deepEqual(described.sort(), offered.sort());
});

test('operation ids are names, and none is given twice', () => {
  const names = ['a.b', 'a-b', 'a_b', 'versions'].map((name) => model(name, iris));
  const { paths } = documentOf(names);
  const ids = Object.values(paths!).flatMap((item) =>
    Object.values(item).map(({ operationId }) => String(operationId)),
  );
  assert.equal(new Set(ids).size, ids.length);
  for (const id of ids) assert.match(id, /^[A-Za-z][A-Za-z0-9_]*$/);
});

test('references lead somewhere', () => {
  const text = JSON.stringify(documentOf([model('iris', iris), handler]));
  const document = JSON.parse(text) as Json;
  const references = Array.from(text.matchAll(/"\$ref":"#\/([^"]+)"/g), ([, pointer = '']) => pointer);
  assert.ok(references.length > 20);
  for (const pointer of references) {
    const target = pointer.split('/').reduce<Json | undefined>((at, key) => at?.[key], document);
    assert.ok(target !== undefined, pointer);
  }
});

test('a row is described by feature, by input, and as a list', () => {
  const { components } = documentOf([model('iris', iris)]);
  const value = {
    type: 'number',
    format: 'float',
    exclusiveMinimum: -3.4028235677973366e38,
    exclusiveMaximum: 3.4028235677973366e38,
  };
  const pair = { type: 'array', items: value, minItems: 2, maxItems: 2 };
  assert.deepEqual(components!.schemas!['iris.Row'], {
    anyOf: [
      {
        type: 'object',
        properties: { width: value, length: value },
        required: ['width', 'length'],
        additionalProperties: false,
      },
      { type: 'object', properties: { X: pair }, required: ['X'], additionalProperties: false },
      pair,
    ],
  });
});

test('an answer is described with and without labels, and a float may be null', () => {
  const { components } = documentOf([model('iris', iris)]);
  const number = { type: ['number', 'null'] };
  const index = { type: 'integer', format: 'int64' };
  const [plain, labelled] = components!.schemas!['iris.Answer']!.anyOf as unknown as Json[];
  assert.deepEqual(plain!.properties!.probabilities, { type: 'array', items: number, minItems: 2, maxItems: 2 });
  assert.deepEqual(labelled!.properties!['probabilities.setosa'], number);
  const [names, number64] = labelled!.properties!.label!.anyOf as unknown as Json[];
  assert.deepEqual(names, { enum: ['setosa', 'virginica'] });
  assert.equal(number64!.format, index.format);
});

test('bounds of 64-bit integers keep every digit', () => {
  const text = toJson(buildOpenApi([model('every', every)], routes, settings));
  assert.ok(text.includes('"minimum":-9223372036854775808,"maximum":9223372036854775807}'));
  assert.ok(text.includes('"minimum":0,"maximum":18446744073709551615}'));
});

test('examples are those of the version, in each form', () => {
  const { paths } = documentOf([model('iris', iris)]);
  const plain = paths!['/models/iris/predict']!.post!.requestBody!.content!;
  assert.deepEqual(plain['application/json']!.example, { rows: exampleRows(iris, 1) });
  assert.match(String(plain['text/csv']!.example), /^width,length\n[\d.]+,[\d.]+\n$/);
  const [input] = paths!['/v2/models/iris/infer']!.post!.requestBody!.content!['application/json']!.example!
    .inputs as unknown as Json[];
  assert.deepEqual([input!.name, input!.datatype, input!.shape], ['X', 'FP32', [1, 2]]);
});

test('features and outputs may be named like anything', () => {
  const odd = ['__proto__', 'constructor', 'is it?', '</script>', 'a/b~c', ''];
  const signature: Signature = {
    batched: true,
    inputs: [{ name: 'X', datatype: 'FP32', shape: [null, odd.length], features: odd }],
    outputs: odd.map((name) => ({ name, datatype: 'FP32', shape: [null] })),
  };
  const { components } = documentOf([model('odd', signature)]);
  const [byFeature] = components!.schemas!['odd.Row']!.anyOf as unknown as Json[];
  assert.deepEqual(byFeature!.required, odd);
  assert.deepEqual(Object.keys(byFeature!.properties!), odd);
});

test('a value that may be missing is not required, and may be null', () => {
  const [input] = iris.inputs;
  const { components } = documentOf([model('iris', { ...iris, inputs: [{ ...input!, missing: 'nan' }] })]);
  const [byFeature] = components!.schemas!['iris.Row']!.anyOf as unknown as Json[];
  assert.equal(byFeature!.required, undefined);
  assert.deepEqual(byFeature!.properties!.width!.type, ['number', 'null']);
});

test("a handler's own route has its schemas, its parameters and its refusals", () => {
  const { paths, components } = documentOf([handler]);
  const operation = paths!['/customers/{id}/score']!.post!;
  assert.equal((operation.parameters as unknown as Json[])[0]!.name, 'id');
  assert.deepEqual(components!.schemas!['score.Body']!.required, ['amount']);
  assert.deepEqual(operation.requestBody!.content!['application/json']!.example, { amount: 12 });
  assert.ok(operation.responses!['422'] !== undefined);
});

test('definitions within the schema of a handler become components', () => {
  const node = z.object({
    name: z.string(),
    get children() {
      return z.array(node);
    },
  });
  const tree = model('tree', handler.descriptor.signature, {
    method: 'POST',
    path: '/tree',
    bodySchema: toJSONSchema(z.object({ root: node.meta({ id: 'Node' }) })),
    responseSchema: toJSONSchema(node.clone()),
  });
  const { components } = documentOf([tree]);
  assert.deepEqual(components!.schemas!['tree.Body']!.properties!.root, {
    $ref: '#/components/schemas/tree.Body.Node',
  });
  assert.ok(components!.schemas!['tree.Body.Node'] !== undefined);
  assert.ok(!JSON.stringify(components).includes('"#/$defs'));
});

test('keys are asked for only when they are configured, and not for what is open to all', () => {
  const open = documentOf([]);
  assert.equal(open.security, undefined);
  assert.equal(open.components!.securitySchemes, undefined);
  const closed = documentOf([], { ...settings, authentication: true });
  assert.deepEqual(closed.security, [{ bearer: [] }, { apiKey: [] }]);
  assert.deepEqual(closed.paths!['/v2/health/live']!.get!.security, []);
  assert.ok(closed.paths!['/v2/models']!.get!.responses!['401'] !== undefined);
});

test('the same models give the same document, in whatever order they come', () => {
  const models = [model('b', iris), model('a', call)];
  assert.equal(JSON.stringify(documentOf(models)), JSON.stringify(documentOf(models.toReversed())));
});

test('the page is made anew only when the models have changed', () => {
  const { entry, descriptor } = model('iris', iris);
  const live = { ...entry, versions: [{ version: 3, state: 'ready' as const, reason: '', key: 1 }] };
  const models = {
    snapshot: { sequence: 1, ready: true, complete: true, models: [live] },
    describe: () => descriptor,
  };
  const page = createOpenApiPage(models, { ...settings, routes: () => routes });
  const first = page();
  assert.equal(page(), first);
  assert.ok(first.body.includes('"/models/iris/predict"'));
  models.snapshot = { sequence: 2, ready: true, complete: true, models: [] };
  assert.ok(!page().body.includes('"/models/iris/predict"'));
});
