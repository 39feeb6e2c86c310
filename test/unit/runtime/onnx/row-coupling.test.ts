/** Whether rows influence each other, read from graphs: operators one by one, and whole models. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import {
  readModelProto,
  type OnnxAttribute,
  type OnnxNode,
  type OnnxTensor,
} from '../../../../src/runtime/onnx/model-proto.ts';
import { findCoupling } from '../../../../src/runtime/onnx/row-coupling.ts';
import { fixture, quickstart } from '../../../support/fixture-models.ts';

type Verdict = 'independent' | 'open' | 'coupled';
type Attributes = Readonly<Record<string, number | readonly number[]>>;

const range = { start: 0, end: 0 };

function tensor(values: readonly number[] | number): OnnxTensor {
  const list = typeof values === 'number' ? [values] : values;
  const dims = typeof values === 'number' ? [] : [list.length];
  const int64s = list.map(BigInt);
  return { name: '', dims, elementType: 7, raw: undefined, int64s, texts: [], externalLocation: undefined };
}

function node(opType: string, inputs: string, output: string, attributes: Attributes = {}, domain = ''): OnnxNode {
  const entries = Object.entries(attributes).map(([name, value]): [string, OnnxAttribute] => {
    const isInt = typeof value === 'number';
    const ints = isInt ? [] : value.map(BigInt);
    return [name, { int: isInt ? value : undefined, text: undefined, ints, texts: [], tensor: undefined, graphs: [] }];
  });
  const names = inputs.split(' ');
  return { opType, domain, inputs: names, outputs: [output], attributes: new Map(entries), field: range };
}

/** `x` has the rows and `rank` axes; lists of numbers are weights; the last node gives the output. */
function verdictOf(
  nodes: readonly OnnxNode[],
  weights: Record<string, readonly number[] | number>,
  rank: number,
  opset = 18,
): Verdict {
  const initializers = new Map(Object.entries(weights).map(([name, values]) => [name, tensor(values)]));
  const output = { name: nodes.at(-1)!.outputs[0]!, type: { kind: 'unknown' as const }, field: range };
  const graph = { nodes, initializers, inputs: [], outputs: [output], range };
  return findCoupling(graph, new Map([['', opset]]), new Map([['x', rank]])).verdict;
}

describe('one operator', () => {
  const cases: readonly (readonly [string, Verdict, OnnxNode | readonly OnnxNode[], Record<string, readonly number[] | number>, number, number?])[] = [
    ['a sum over the columns', 'independent', node('ReduceSum', 'x a', 'y', { keepdims: 0 }), { a: [1] }, 2],
    ['a sum over the last of two axes', 'independent', node('ReduceSum', 'x a', 'y'), { a: [-1] }, 2],
    ['a sum over the rows', 'coupled', node('ReduceSum', 'x a', 'y'), { a: [0] }, 2],
    ['a sum over the rows, counted from the back', 'coupled', node('ReduceSum', 'x a', 'y'), { a: [-2] }, 2],
    ['a sum over everything', 'coupled', node('ReduceMean', 'x', 'y'), {}, 2],
    ['a sum over nothing', 'independent', node('ReduceMean', 'x', 'y', { noop_with_empty_axes: 1 }), {}, 2],
    ['axes as an attribute', 'coupled', node('ReduceMax', 'x', 'y', { axes: [0] }), {}, 2, 11],
    ['axes that are computed', 'open', node('ReduceSum', 'x unknown', 'y'), {}, 2],
    ['the largest of each row', 'independent', node('ArgMax', 'x', 'y', { axis: 1 }), {}, 2],
    ['the largest of each column', 'coupled', node('ArgMax', 'x', 'y'), {}, 2],
    ['softmax of a row', 'independent', node('Softmax', 'x', 'y'), {}, 2],
    ['softmax over the rows', 'coupled', node('Softmax', 'x', 'y', { axis: 0 }), {}, 2],
    ['softmax of one axis', 'coupled', node('Softmax', 'x', 'y'), {}, 1],
    ['an old softmax from axis 1', 'independent', node('Softmax', 'x', 'y', { axis: 1 }), {}, 3, 11],
    ['an old softmax from axis 0', 'coupled', node('Softmax', 'x', 'y', { axis: 0 }), {}, 3, 11],
    ['a running sum over the rows', 'coupled', node('CumSum', 'x a', 'y'), { a: 0 }, 2],
    ['a running sum over the columns', 'independent', node('CumSum', 'x a', 'y'), { a: 1 }, 2],
    ['the best columns', 'independent', node('TopK', 'x k', 'y', { axis: -1 }), { k: [2] }, 2],
    ['the best rows', 'coupled', node('TopK', 'x k', 'y', { axis: 0 }), { k: [2] }, 2],
    ['a product with weights', 'independent', node('MatMul', 'x w', 'y'), { w: [1, 2] }, 2],
    ['a product that sums the rows', 'coupled', node('MatMul', 'x w', 'y'), { w: [1, 2] }, 1],
    ['a linear layer', 'independent', node('Gemm', 'x w b', 'y', { transB: 1 }), { w: [1], b: [1] }, 2],
    ['a linear layer of the transposed', 'coupled', node('Gemm', 'x w', 'y', { transA: 1 }), { w: [1] }, 2],
    ['rows times rows', 'open', node('MatMul', 'x x', 'y'), {}, 2],
    ['a convolution', 'independent', node('Conv', 'x w', 'y'), { w: [1] }, 4],
    ['a normalization that is still learning', 'coupled', node('BatchNormalization', 'x a a a a', 'y', { training_mode: 1 }), { a: [1] }, 4],
    ['a normalization of each row', 'independent', node('LayerNormalization', 'x a', 'y'), { a: [1] }, 3],
    ['a normalization of everything', 'coupled', node('LayerNormalization', 'x a', 'y', { axis: 0 }), { a: [1] }, 3],
    ['quantization by the range of the batch', 'coupled', node('DynamicQuantizeLinear', 'x', 'y'), {}, 2],
    ['transposed', 'coupled', node('Transpose', 'x', 'y', { perm: [1, 0] }), {}, 2],
    ['columns exchanged', 'independent', node('Transpose', 'x', 'y', { perm: [0, 2, 1] }), {}, 3],
    ['flattened to one row each', 'independent', node('Flatten', 'x', 'y'), {}, 4],
    ['flattened to one row', 'open', node('Flatten', 'x', 'y', { axis: 0 }), {}, 4],
    ['reshaped within the row', 'independent', node('Reshape', 'x s', 'y'), { s: [0, -1] }, 4],
    ['reshaped over rows', 'open', node('Reshape', 'x s', 'y'), { s: [-1, 2] }, 2],
    ['columns beside columns', 'independent', node('Concat', 'x x', 'y', { axis: 1 }), {}, 2],
    ['rows below rows', 'coupled', node('Concat', 'x x', 'y', { axis: 0 }), {}, 2],
    ['some columns', 'independent', node('Slice', 'x a b c', 'y'), { a: [0], b: [1], c: [1] }, 2],
    ['all rows', 'independent', node('Slice', 'x a b c', 'y'), { a: [0], b: [2 ** 40], c: [0] }, 2],
    ['some rows', 'open', node('Slice', 'x a b c', 'y'), { a: [1], b: [2], c: [0] }, 2],
    ['half of the rows', 'coupled', node('Split', 'x', 'y'), {}, 2],
    ['one row', 'coupled', node('Gather', 'x i', 'y', { axis: 0 }), { i: [0] }, 2],
    ['one column', 'independent', node('Gather', 'x i', 'y', { axis: 1 }), { i: 0 }, 2],
    ['a row of a table for each', 'independent', node('Gather', 'w x', 'y', { axis: 0 }), { w: [1, 2] }, 1],
    ['an axis in front', 'coupled', node('Unsqueeze', 'x a', 'y'), { a: [0] }, 2],
    ['an axis behind', 'independent', node('Unsqueeze', 'x a', 'y'), { a: [-1] }, 2],
    ['a sequence of rows', 'coupled', node('LSTM', 'x w w', 'y'), { w: [1] }, 3],
    ['sequences in rows', 'independent', node('LSTM', 'x w w', 'y', { layout: 1 }), { w: [1] }, 3],
    ['trees', 'independent', node('TreeEnsembleClassifier', 'x', 'y', {}, 'ai.onnx.ml'), {}, 2],
    ['an operator of somebody else', 'open', node('Magic', 'x', 'y', {}, 'com.example'), {}, 2],
    ['an operator of the future', 'open', node('NewThing', 'x', 'y'), {}, 2],
    ['plus a weight', 'independent', node('Add', 'x w', 'y'), { w: [1, 2] }, 2],
    ['plus itself, turned', 'coupled', [node('Transpose', 'x', 't'), node('Add', 'x t', 'y')], {}, 2],
    ['turned and turned back', 'independent', [node('Transpose', 'x', 't'), node('Transpose', 't', 'y')], {}, 2],
    ['divided by the number of rows', 'open', [node('Shape', 'x', 's'), node('Div', 'x s', 'y')], {}, 2],
    ['plus a sum of weights, whose axes are not known', 'open', [node('ReduceSum', 'w a', 's'), node('Add', 'x s', 'y')], { w: [1], a: [0] }, 2],
  ]; // prettier-ignore
  for (const [what, verdict, nodes, weights, rank, opset] of cases) {
    test(`${what}: ${verdict}`, () => {
      const graph = Array.isArray(nodes) ? (nodes as readonly OnnxNode[]) : [nodes as OnnxNode];
      assert.equal(verdictOf(graph, weights, rank, opset), verdict);
    });
  }
});

describe('whole models', () => {
  const verdicts: Record<string, Verdict> = {
    doubler: 'independent',
    'add-sub': 'independent',
    'mean-pool': 'independent',
    'string-labels': 'independent',
    'batch-coupled': 'coupled',
    'softmax-rows': 'coupled',
    'cumsum-rows': 'coupled',
    'coupled-by-transpose': 'coupled',
    // Left to the probe
    'coupled-by-reshape': 'open',
    'alone-differs': 'open',
    slow: 'open',
  };
  for (const [name, verdict] of Object.entries(verdicts)) {
    test(`${name}: ${verdict}`, () => assert.equal(verdictOfModel(fixture(name)), verdict));
  }
  for (const name of ['iris', 'breast-cancer']) {
    test(`${name}: independent`, () => assert.equal(verdictOfModel(quickstart(name)), 'independent'));
  }
});

function verdictOfModel({ folder, file }: ReturnType<typeof fixture>): Verdict {
  const { graph, opsets } = readModelProto(readFileSync(path.join(folder, file)));
  const ranks = graph.inputs.map(({ name, type }): [string, number] => [
    name,
    type.kind === 'tensor' ? type.shape!.length : 0,
  ]);
  return findCoupling(graph, opsets, new Map(ranks)).verdict;
}
