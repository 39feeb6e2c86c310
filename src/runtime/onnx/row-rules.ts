/**
 * What each kind of node does to the axis that counts rows: keeps it, moves it, mixes the rows, or is not
 * known. A table of operators and a few lines for each; row-coupling.ts walks the graph with it.
 */
import type { OnnxNode, OnnxTensor } from './model-proto.ts';

/** What a value has to do with the rows. */
export type Value =
  /** Nothing: weights and what is computed from them. */
  | { readonly kind: 'constant'; readonly rank: number | undefined }
  /** It depends on how many rows there are, and not on what is in them. */
  | { readonly kind: 'size' }
  | Rows
  | { readonly kind: 'mixed'; readonly by: string };

export interface Rows {
  readonly kind: 'rows';
  readonly axis: number;
  readonly rank: number | undefined;
  /** False when a node on the way was not understood. */
  readonly sure: boolean;
}

/** Value by value: broadcast against each other. */
const ELEMENTWISE = new Set(
  (
    'Abs Acos Acosh Add And Asin Asinh Atan Atanh BitShift BitwiseAnd BitwiseNot BitwiseOr BitwiseXor Cast CastLike Ceil ' +
    'Celu Clip Cos Cosh DequantizeLinear Div Dropout Elu Equal Erf Exp Floor Gelu Greater GreaterOrEqual HardSigmoid ' +
    'HardSwish Identity IsInf IsNaN LeakyRelu Less LessOrEqual Log Max Mean Min Mish Mod Mul Neg Not Or Pow PRelu ' +
    'QuantizeLinear Reciprocal Relu Round Selu Sigmoid Sign Sin Sinh Softplus Softsign Sqrt Sub Sum Swish Tan Tanh ' +
    'ThresholdedRelu Where Xor StringConcat StringNormalizer RegexFullMatch'
  ).split(' '),
);

/** Each row by itself, as long as axis 0 counts them: images, and scikit-learn's operators. */
const BY_ROW = new Set(
  (
    'AveragePool BatchNormalization Conv ConvTranspose ConvInteger DepthToSpace GlobalAveragePool GlobalLpPool ' +
    'GlobalMaxPool GroupNormalization InstanceNormalization LpPool LRN MaxPool QLinearConv Resize SpaceToDepth Upsample'
  ).split(' '),
);
const BY_ROW_ML = new Set(
  (
    'Binarizer CategoryMapper DictVectorizer FeatureVectorizer Imputer LabelEncoder LinearClassifier LinearRegressor ' +
    'Normalizer OneHotEncoder Scaler SVMClassifier SVMRegressor TreeEnsemble TreeEnsembleClassifier TreeEnsembleRegressor'
  ).split(' '),
);
const ALONG_AXIS = new Set('CumSum Hardmax LogSoftmax LpNormalization Softmax TopK'.split(' '));
const QUANTIZED_BY_BATCH = new Set('DynamicQuantizeLinear DynamicQuantizeLSTM DynamicQuantizeMatMul'.split(' '));

/** One node: from what is known of its inputs to what is known of its outputs. */
export class Step {
  readonly #node: OnnxNode;
  readonly #inputs: readonly Value[];
  readonly #tensors: ReadonlyMap<string, OnnxTensor>;
  readonly #opset: number;

  constructor(node: OnnxNode, inputs: readonly Value[], tensors: ReadonlyMap<string, OnnxTensor>, opset: number) {
    this.#node = node;
    this.#inputs = inputs;
    this.#tensors = tensors;
    this.#opset = opset;
  }

  /** One value for all outputs, or one for each. */
  outputs(): Value | Value[] {
    const { opType, domain } = this.#node;
    const mixed = this.#inputs.find(({ kind }) => kind === 'mixed');
    if (mixed !== undefined) return mixed;
    const rows = this.#inputs.filter((value) => value.kind === 'rows');
    if (opType === 'Shape' || opType === 'Size') return { kind: 'size' };
    if (rows.length === 0) return this.#withoutRows();
    const first = this.#inputs[0]!;
    // How many rows there are, as a number in the computation: the answer may follow it.
    const sizeAsData = this.#inputs.some(({ kind }) => kind === 'size') && ELEMENTWISE.has(opType);
    if (sizeAsData || first.kind === 'size') return this.#open();
    if (first.kind !== 'rows' && opType !== 'Gather' && !ELEMENTWISE.has(opType)) return this.#open();

    if (QUANTIZED_BY_BATCH.has(opType)) return this.#mixed();
    if (domain === 'ai.onnx.ml') {
      return BY_ROW_ML.has(opType) && rows.every(({ axis }) => axis === 0) ? this.#byRow() : this.#open();
    }
    if (domain !== '') return this.#open();
    if (ELEMENTWISE.has(opType)) return this.#broadcast();
    if (BY_ROW.has(opType)) return this.#image();
    if (ALONG_AXIS.has(opType)) return this.#alongAxis();
    if (opType.startsWith('Reduce') || opType === 'ArgMax' || opType === 'ArgMin') return this.#reduce();
    switch (opType) {
      case 'Gemm':
        return this.#gemm();
      case 'MatMul':
      case 'MatMulInteger':
        return this.#matMul();
      case 'Transpose':
        return this.#transpose();
      case 'LayerNormalization':
        return this.#layerNormalization();
      case 'Flatten':
        return this.#flatten();
      case 'Reshape':
        return this.#reshape();
      case 'Concat':
        return this.#concat();
      case 'Split':
        return this.#split();
      case 'Slice':
        return this.#slice();
      case 'Gather':
        return this.#gather();
      case 'Unsqueeze':
        return this.#unsqueeze();
      case 'Squeeze':
        return this.#squeeze();
      case 'LSTM':
      case 'GRU':
      case 'RNN':
        return this.#recurrent();
      default:
        return this.#open();
    }
  }

  #withoutRows(): Value {
    if (this.#inputs.some(({ kind }) => kind === 'size')) return { kind: 'size' };
    const tensor = this.#tensors.get(this.#node.outputs[0] ?? '');
    return { kind: 'constant', rank: tensor?.dims.length };
  }

  #mixed(): Value {
    return { kind: 'mixed', by: this.#node.opType };
  }

  /** Coupled for certain only if the rows are where they are thought to be. */
  #mixedIf(rows: Rows): Value {
    return rows.sure ? this.#mixed() : this.#open();
  }

  #open(): Rows {
    return { kind: 'rows', axis: 0, rank: undefined, sure: false };
  }

  #byRow(): Rows {
    return { kind: 'rows', axis: 0, rank: undefined, sure: this.#areSure() };
  }

  #areSure(): boolean {
    return this.#inputs.every((value) => value.kind !== 'rows' || value.sure);
  }

  #broadcast(): Value {
    let result: Rows | undefined;
    let rank = 0;
    let sure = true;
    for (const value of this.#inputs) {
      if (value.kind === 'constant') {
        if (value.rank === undefined) sure = false;
        else rank = Math.max(rank, value.rank);
      } else if (value.kind === 'rows') {
        sure &&= value.sure;
        if (result === undefined) result = value;
        else if (result.rank === undefined || value.rank === undefined) sure &&= result.axis === value.axis;
        // Axes meet from the right: the rows of one must meet the rows of the other.
        else if (result.rank - result.axis !== value.rank - value.axis) return sure ? this.#mixed() : this.#open();
        else if (value.rank > result.rank) result = value;
      }
    }
    if (result!.rank === undefined) return { ...result!, sure: sure && rank <= 1 };
    const shift = Math.max(0, rank - result!.rank);
    return { kind: 'rows', axis: result!.axis + shift, rank: result!.rank + shift, sure };
  }

  #image(): Value {
    const [first, ...others] = this.#inputs as [Rows, ...Value[]];
    if (others.some(({ kind }) => kind === 'rows')) return this.#open();
    if (first.axis !== 0 || this.#int('training_mode', 0) === 1) return this.#mixedIf(first);
    return first;
  }

  #alongAxis(): Value {
    const first = this.#inputs[0] as Rows;
    const { opType } = this.#node;
    const isSoftmax = /Softmax|Hardmax/.test(opType);
    // Before operator set 13 a softmax flattened the axes from `axis` on.
    const isFlattening = isSoftmax && this.#opset < 13;
    const axis = opType === 'CumSum' ? this.#constant(1)?.[0] : this.#int('axis', isFlattening ? 1 : -1);
    const at = axis === undefined ? undefined : normalize(axis, first.rank);
    if (at === undefined) return { ...first, sure: false };
    const isMixed = isFlattening ? first.axis >= at : first.axis === at;
    return isMixed ? this.#mixedIf(first) : first;
  }

  #reduce(): Value {
    const first = this.#inputs[0] as Rows;
    const isArg = this.#node.opType.startsWith('Arg');
    let axes: readonly number[] | undefined;
    if (isArg) axes = [this.#int('axis', 0)];
    else if (this.#has('axes')) axes = this.#ints('axes');
    else if ((this.#node.inputs[1] ?? '') !== '') {
      axes = this.#constant(1);
      if (axes === undefined) return { ...first, sure: false };
    }
    if (axes === undefined || axes.length === 0) {
      if (this.#int('noop_with_empty_axes', 0) === 1) return first;
      return this.#mixedIf(first);
    }
    const at = axes.map((axis) => normalize(axis, first.rank));
    if (at.includes(first.axis)) return this.#mixedIf(first);
    if (at.includes(undefined)) return { ...first, sure: false };
    if (this.#int('keepdims', 1) === 1) return first;
    return moved(first, -at.filter((axis) => axis! < first.axis).length, -at.length);
  }

  #gemm(): Value {
    const [a, b] = this.#inputs as [Rows, Value | undefined];
    if (b?.kind === 'rows') return this.#open();
    const isTransposed = this.#int('transA', 0) === 1;
    if ((isTransposed ? 1 - a.axis : a.axis) !== 0) return this.#mixedIf(a);
    return { ...a, axis: 0, rank: 2 };
  }

  #matMul(): Value {
    const [a, b] = this.#inputs as [Rows, Value | undefined];
    if (b?.kind === 'rows' || a.rank === undefined) return this.#open();
    if (a.axis === a.rank - 1) return this.#mixedIf(a); // summed over
    const rank = b?.kind === 'constant' ? b.rank : undefined;
    if (rank === undefined || rank > a.rank) return this.#open();
    return rank === 1 ? moved(a, 0, -1) : a;
  }

  #transpose(): Value {
    const first = this.#inputs[0] as Rows;
    const perm = this.#ints('perm');
    if (perm.length > 0) return { ...first, axis: perm.indexOf(first.axis), rank: perm.length };
    return first.rank === undefined ? this.#open() : { ...first, axis: first.rank - 1 - first.axis };
  }

  #layerNormalization(): Value {
    const first = this.#inputs[0] as Rows;
    const at = normalize(this.#int('axis', -1), first.rank);
    if (at === undefined) return { ...first, sure: false };
    return at <= first.axis ? this.#mixedIf(first) : first;
  }

  #flatten(): Value {
    const first = this.#inputs[0] as Rows;
    return first.axis === 0 && this.#int('axis', 1) >= 1 ? { ...first, rank: 2 } : this.#open();
  }

  #reshape(): Value {
    const first = this.#inputs[0] as Rows;
    const target = this.#constant(1);
    if (first.axis !== 0 || target === undefined) return this.#open();
    // 0 keeps an axis; -1 takes what is left, which is the rows only if the other sizes are theirs.
    if (target[0] === 0 && !target.slice(1).includes(0)) return { ...first, rank: target.length };
    return this.#open();
  }

  #concat(): Value {
    const rows = this.#inputs.filter((value) => value.kind === 'rows');
    const first = rows[0]!;
    if (rows.length < this.#inputs.length || rows.some(({ axis }) => axis !== first.axis)) return this.#open();
    const rank = rows.find((value) => value.rank !== undefined)?.rank;
    const at = normalize(this.#int('axis', 0), rank);
    if (at === undefined) return this.#open();
    if (at === first.axis) return this.#areSure() ? this.#mixed() : this.#open();
    return { ...first, rank, sure: this.#areSure() };
  }

  #split(): Value {
    const first = this.#inputs[0] as Rows;
    const at = normalize(this.#int('axis', 0), first.rank);
    if (at === undefined) return this.#open();
    return at === first.axis ? this.#mixedIf(first) : first;
  }

  #slice(): Value {
    const first = this.#inputs[0] as Rows;
    const starts = this.#constant(1);
    const ends = this.#constant(2);
    if (this.#opset < 10 || starts === undefined || ends === undefined) return this.#open();
    const isGiven = (this.#node.inputs[3] ?? '') !== '';
    const axes = isGiven ? this.#constant(3) : starts.map((_, i) => i);
    const at = axes?.map((axis) => normalize(axis, first.rank));
    if (at === undefined || at.includes(undefined)) return this.#open();
    const i = at.indexOf(first.axis);
    if (i === -1) return first;
    // `x[:]` on the rows is written out by some exporters.
    const isWhole = starts[i] === 0 && ends[i]! >= 2 ** 31 - 1 && (this.#constant(4)?.[i] ?? 1) === 1;
    return isWhole ? first : this.#open();
  }

  #gather(): Value {
    const [data, indices] = this.#inputs;
    const axis = this.#int('axis', 0);
    if (data?.kind === 'constant' && indices?.kind === 'rows' && axis >= 0) {
      const rank = data.rank === undefined || indices.rank === undefined ? undefined : data.rank - 1 + indices.rank;
      return { ...indices, axis: indices.axis + axis, rank };
    }
    if (data?.kind !== 'rows' || indices?.kind !== 'constant') return this.#open();
    const at = normalize(axis, data.rank);
    if (at === undefined || indices.rank === undefined) return this.#open();
    if (at === data.axis) return this.#mixedIf(data);
    return moved(data, data.axis > at ? indices.rank - 1 : 0, indices.rank - 1);
  }

  #unsqueeze(): Value {
    const first = this.#inputs[0] as Rows;
    const axes = this.#has('axes') ? this.#ints('axes') : this.#constant(1);
    if (axes === undefined) return this.#open();
    const rank = first.rank === undefined ? undefined : first.rank + axes.length;
    const at = axes.map((axis) => normalize(axis, rank));
    if (at.includes(undefined)) return this.#open();
    let axis = first.axis;
    for (const added of (at as number[]).toSorted((a, b) => a - b)) if (added <= axis) axis += 1;
    return { ...first, axis, rank };
  }

  #squeeze(): Value {
    const first = this.#inputs[0] as Rows;
    const axes = this.#has('axes') ? this.#ints('axes') : this.#constant(1);
    const at = axes?.map((axis) => normalize(axis, first.rank));
    if (at === undefined || at.includes(undefined) || at.includes(first.axis)) return this.#open();
    return moved(first, -at.filter((axis) => axis! < first.axis).length, -at.length);
  }

  /** Sequences: by default the first axis is time and the second counts rows. */
  #recurrent(): Value | Value[] {
    const [first, ...others] = this.#inputs as [Rows, ...Value[]];
    if (others.some(({ kind }) => kind === 'rows')) return this.#open();
    const isRowsFirst = this.#int('layout', 0) === 1;
    if (first.axis !== (isRowsFirst ? 0 : 1)) return this.#mixedIf(first);
    const whole: Rows = { ...first, axis: isRowsFirst ? 0 : 2, rank: 4 };
    const last: Rows = { ...first, axis: isRowsFirst ? 0 : 1, rank: 3 };
    return [whole, last, last];
  }

  #has(name: string): boolean {
    return this.#node.attributes.has(name);
  }

  #int(name: string, fallback: number): number {
    return this.#node.attributes.get(name)?.int ?? fallback;
  }

  #ints(name: string): number[] {
    return this.#node.attributes.get(name)?.ints.map(Number) ?? [];
  }

  /** The values of an input that is a constant list of integers. */
  #constant(input: number): number[] | undefined {
    const tensor = this.#tensors.get(this.#node.inputs[input] ?? '');
    return tensor === undefined ? undefined : integersOf(tensor);
  }
}

function moved(rows: Rows, axisBy: number, rankBy: number): Rows {
  return { ...rows, axis: rows.axis + axisBy, rank: rows.rank === undefined ? undefined : rows.rank + rankBy };
}

/** An axis counted from the front; undefined when it is counted from the back of an unknown number. */
function normalize(axis: number, rank: number | undefined): number | undefined {
  if (axis >= 0) return axis;
  return rank === undefined ? undefined : axis + rank;
}

const INT32 = 6;
const INT64 = 7;

function integersOf({ elementType, raw, int64s }: OnnxTensor): number[] | undefined {
  if (raw === undefined) return elementType === INT64 ? int64s.map(Number) : undefined;
  const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
  if (elementType === INT64) {
    return Array.from({ length: raw.length >> 3 }, (_, i) => Number(view.getBigInt64(i * 8, true)));
  }
  if (elementType === INT32) return Array.from({ length: raw.length >> 2 }, (_, i) => view.getInt32(i * 4, true));
  return undefined;
}
