/**
 * An ONNX file of any size, `y = x · W`, written here byte by byte: large models are too large to commit and
 * tests should not need Python. Field numbers are those of onnx.proto.
 */
export function largeModel(bytes: number, width = 1024): Uint8Array {
  const columns = Math.ceil(bytes / 4 / width);
  const weights = new Float32Array(width * columns);
  for (let i = 0; i < weights.length; i += 1) weights[i] = ((i * 2_654_435_761) % 1000) / 1000 - 0.5;

  const node = concat(text(1, 'x'), text(1, 'W'), text(2, 'y'), text(4, 'MatMul'));
  const initializer = concat(
    number(1, width),
    number(1, columns),
    number(2, 1), // FLOAT
    text(8, 'W'),
    field(9, new Uint8Array(weights.buffer)),
  );
  const graph = concat(
    field(1, node),
    text(2, 'large'),
    field(5, initializer),
    field(11, valueInfo('x', width)),
    field(12, valueInfo('y', columns)),
  );
  const operators = number(2, 13);
  return concat(number(1, 8), field(7, graph), field(8, operators));
}

/** FLOAT of shape [N, width]. */
function valueInfo(name: string, width: number): Uint8Array {
  const shape = concat(field(1, text(2, 'N')), field(1, number(1, width)));
  const tensorType = concat(number(1, 1), field(2, shape));
  return concat(text(1, name), field(2, field(1, tensorType)));
}

function text(id: number, value: string): Uint8Array {
  return field(id, new TextEncoder().encode(value));
}

function field(id: number, bytes: Uint8Array): Uint8Array {
  return concat(varint(id * 8 + 2), varint(bytes.length), bytes);
}

function number(id: number, value: number): Uint8Array {
  return concat(varint(id * 8), varint(value));
}

function varint(value: number): Uint8Array {
  const bytes = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return Uint8Array.of(...bytes, rest);
    bytes.push((rest % 128) + 128);
  }
}

function concat(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}
