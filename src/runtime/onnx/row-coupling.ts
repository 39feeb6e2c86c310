/**
 * Can the answer of a row depend on the other rows? Read from the graph, without running it.
 *
 * Follows the axis that counts rows from node to node. A node that sums, sorts or normalises along it
 * couples the rows; one that is not known here leaves the answer open, and the probe at warm-up, which
 * changes the neighbours of a row and looks at its bits, decides alone.
 */
import type { OnnxGraph, OnnxNode, OnnxTensor } from './model-proto.ts';
import { Step, type Value } from './row-rules.ts';

/**
 * `independent`: every node is known and keeps the rows apart. `coupled`: some node mixes them; `by` names
 * its kind. `open`: the graph does not tell.
 */
export type Coupling =
  { readonly verdict: 'independent' | 'open' } | { readonly verdict: 'coupled'; readonly by: string };

/** @param ranks number of axes of each input that has rows, by name */
export function findCoupling(
  graph: OnnxGraph,
  opsets: ReadonlyMap<string, number>,
  ranks: ReadonlyMap<string, number>,
): Coupling {
  const values = new Map<string, Value>();
  const tensors = new Map(graph.initializers);
  for (const [name, { dims }] of graph.initializers) values.set(name, { kind: 'constant', rank: dims.length });
  for (const [name, rank] of ranks) values.set(name, { kind: 'rows', axis: 0, rank, sure: true });
  for (const node of graph.nodes) {
    if (node.opType === 'Constant') {
      const tensor = constantOf(node);
      if (tensor !== undefined) tensors.set(node.outputs[0]!, tensor);
    }
    const inputs = node.inputs.map((name) => valueOf(values, name));
    const step = new Step(node, inputs, tensors, opsets.get(node.domain) ?? 0);
    const outputs = step.outputs();
    node.outputs.forEach((name, i) => values.set(name, Array.isArray(outputs) ? outputs[i]! : outputs));
  }

  let sure = true;
  for (const { name } of graph.outputs) {
    const value = values.get(name);
    if (value?.kind === 'mixed') return { verdict: 'coupled', by: value.by };
    if (value?.kind !== 'rows') continue;
    if (value.axis !== 0 && value.sure) return { verdict: 'coupled', by: 'order of the axes' };
    sure &&= value.sure && value.axis === 0;
  }
  return { verdict: sure ? 'independent' : 'open' };
}

function constantOf({ attributes }: OnnxNode): OnnxTensor | undefined {
  const tensor = attributes.get('value')?.tensor;
  if (tensor !== undefined) return tensor;
  const list = attributes.get('value_ints');
  const int = attributes.get('value_int')?.int;
  const int64s = list?.ints ?? (int === undefined ? undefined : [BigInt(int)]);
  if (int64s === undefined) return undefined;
  const dims = list === undefined ? [] : [int64s.length];
  return { name: '', dims, elementType: 7, raw: undefined, int64s, texts: [], externalLocation: undefined };
}

/** What is not found comes from a surrounding graph or is left out, which is written as an empty name. */
function valueOf(values: ReadonlyMap<string, Value>, name: string): Value {
  return values.get(name) ?? { kind: 'constant', rank: name === '' ? 0 : undefined };
}
