/** The names of the classes, where the artifact has them: scikit-learn's converters write them into the nodes. */
import type { OnnxGraph, OnnxTensor } from './model-proto.ts';

/** Longer lists are vocabularies, not classes. */
const MAX_CLASSES = 10_000;

/**
 * The one list of classes that the graph knows, in the order of the columns; undefined when there are
 * several, or when it is 0, 1, 2 … and says no more than the position does.
 */
export function classLabels({ nodes, initializers }: OnnxGraph): readonly string[] | undefined {
  const lists = new Map<string, readonly string[]>();
  const add = (labels: readonly string[] | undefined) => {
    if (labels !== undefined && labels.length > 1) lists.set(JSON.stringify(labels), labels);
  };
  for (const { opType, domain, inputs, attributes } of nodes) {
    if (domain !== 'ai.onnx.ml') continue;
    for (const name of ['classlabels_strings', 'classlabels_int64s', 'classlabels_ints']) {
      const attribute = attributes.get(name);
      add(attribute && (attribute.texts.length > 0 ? attribute.texts : attribute.ints.map(String)));
    }
    // Picks the class by the index of the largest probability.
    if (opType === 'ArrayFeatureExtractor') add(valuesOf(initializers.get(inputs[0] ?? '')));
  }
  if (lists.size !== 1) return undefined;
  const [labels] = [...lists.values()] as [readonly string[]];
  const saysNothing = labels.every((label, i) => label === String(i));
  const isUsable = labels.length <= MAX_CLASSES && new Set(labels).size === labels.length;
  return isUsable && !saysNothing ? labels : undefined;
}

function valuesOf(tensor: OnnxTensor | undefined): readonly string[] | undefined {
  if (tensor === undefined) return undefined;
  if (tensor.texts.length > 0) return tensor.texts;
  return tensor.int64s.length > 0 ? tensor.int64s.map(String) : undefined;
}
