import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { checkInputs, type Signature, type TensorSpec } from '../../../src/core/signature.ts';
import { DATATYPES, type Datatype } from '../../../src/core/tensor.ts';
import { fromHalf } from '../../../src/protocol/half.ts';
import { decodeRows, encodeRows, exampleRows } from '../../../src/protocol/rows.ts';
import { assertRefused } from '../../support/client-error.ts';
import { secretMarker } from '../../support/fuzz.ts';

const taking = (...inputs: TensorSpec[]): Signature => ({ inputs, outputs: [], batched: true });
const giving = (...outputs: TensorSpec[]): Signature => ({ inputs: [], outputs, batched: true });
const spec = (
  name: string,
  datatype: Datatype,
  shape: (number | null)[],
  more: Partial<TensorSpec> = {},
): TensorSpec => ({
  name,
  datatype,
  shape,
  ...more,
});

const iris = taking(spec('X', 'FP32', [null, 2], { features: ['length', 'width'] }));
const mixed = taking(
  spec('age', 'INT32', [null]),
  spec('X', 'FP32', [null, 2], { features: ['a', 'b'] }),
  spec('word', 'BYTES', [null]),
);

const dataOf = (signature: Signature, rows: readonly unknown[]) => decodeRows(signature, rows).map(({ data }) => data);

describe('rows as objects', () => {
  it('give an input of one value a row the value of its name', () => {
    const signature = taking(spec('age', 'INT32', [null]), spec('vip', 'BOOL', [null]));
    assert.deepEqual(
      decodeRows(signature, [
        { age: 30, vip: true },
        { vip: false, age: 40 },
      ]),
      [
        { name: 'age', datatype: 'INT32', shape: [2], data: Int32Array.of(30, 40) },
        { name: 'vip', datatype: 'BOOL', shape: [2], data: Uint8Array.of(1, 0) },
      ],
    );
  });

  it('give an input of k values a row its features, in their order', () => {
    assert.deepEqual(
      decodeRows(iris, [
        { width: 2, length: 1 },
        { length: 3, width: 4 },
      ]),
      [{ name: 'X', datatype: 'FP32', shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) }],
    );
  });

  it('may have a list of them under the name of the input, row by row', () => {
    assert.deepEqual(dataOf(iris, [{ X: [1, 2] }, { length: 3, width: 4 }, { X: [[5], [6]] }]), [
      Float32Array.of(1, 2, 3, 4, 5, 6),
    ]);
  });

  it('have a list under the name of an input without features', () => {
    assert.deepEqual(dataOf(taking(spec('X', 'INT8', [null, 3])), [{ X: [1, 2, 3] }]), [Int8Array.of(1, 2, 3)]);
  });

  it('may leave the list out around a single value', () => {
    assert.deepEqual(dataOf(taking(spec('X', 'INT8', [null, 1]), spec('Y', 'INT8', [null, 1])), [{ X: 1, Y: [2] }]), [
      Int8Array.of(1),
      Int8Array.of(2),
    ]);
  });

  it('nest larger shapes, or have them flat', () => {
    const signature = taking(spec('image', 'UINT8', [null, 2, 2]));
    assert.deepEqual(
      dataOf(signature, [
        {
          image: [
            [1, 2],
            [3, 4],
          ],
        },
        { image: [5, 6, 7, 8] },
      ]),
      [Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8)],
    );
  });

  it('decide the size of free axes, all rows alike', () => {
    const signature = taking(spec('image', 'UINT8', [null, null, 2]));
    assert.deepEqual(
      decodeRows(signature, [
        {
          image: [
            [1, 2],
            [3, 4],
            [5, 6],
          ],
        },
      ])[0]?.shape,
      [1, 3, 2],
    );
    assert.deepEqual(decodeRows(signature, [{ image: [1, 2, 3, 4] }])[0]?.shape, [1, 2, 2]);
    assertRefused(
      () => decodeRows(signature, [{ image: [1, 2] }, { image: [1, 2, 3, 4] }]),
      'INVALID_INPUT',
      /rows\[1\]: "image": it has 4 values/,
    );
    const freer = taking(spec('image', 'UINT8', [null, null, null]));
    assert.deepEqual(
      decodeRows(freer, [
        {
          image: [
            [1, 2],
            [3, 4],
            [5, 6],
          ],
        },
      ])[0]?.shape,
      [1, 3, 2],
    );
    assertRefused(
      () => decodeRows(freer, [{ image: [1, 2] }]),
      'INVALID_INPUT',
      /must be nested as deep as its 2 axes/,
    );
  });

  it('may hold typed arrays', () => {
    assert.deepEqual(dataOf(iris, [{ X: Float32Array.of(1, 2) }, Float64Array.of(3, 4)]), [
      Float32Array.of(1, 2, 3, 4),
    ]);
  });

  it('feed one key to every input that takes it', () => {
    const signature = taking(spec('a', 'INT8', [null]), spec('X', 'FP32', [null, 2], { features: ['a', 'b'] }));
    assert.deepEqual(dataOf(signature, [{ a: 1, b: 2 }]), [Int8Array.of(1), Float32Array.of(1, 2)]);
  });

  it('tell a list under the name of an input from a feature of the same name', () => {
    const signature = taking(spec('x', 'FP32', [null, 2], { features: ['x', 'y'] }));
    assert.deepEqual(dataOf(signature, [{ x: 1, y: 2 }, { x: [3, 4] }]), [Float32Array.of(1, 2, 3, 4)]);
  });
});

describe('rows as lists', () => {
  it('follow the order of the features', () => {
    assert.deepEqual(dataOf(iris, [[1, 2], { length: 3, width: 4 }]), [Float32Array.of(1, 2, 3, 4)]);
    assert.deepEqual(dataOf(mixed, [[30, 1, 2, 'hi']]), [Int32Array.of(30), Float32Array.of(1, 2), ['hi']]);
  });

  it('are the list of the only input where it has no features', () => {
    const signature = taking(spec('image', 'UINT8', [null, 2, 2]));
    assert.deepEqual(
      dataOf(signature, [
        [1, 2, 3, 4],
        [
          [5, 6],
          [7, 8],
        ],
      ]),
      [Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8)],
    );
  });

  it('hold the lists of several inputs', () => {
    const signature = taking(spec('a', 'INT8', [null, 2]), spec('b', 'INT8', [null]));
    assert.deepEqual(dataOf(signature, [[[1, 2], 3]]), [Int8Array.of(1, 2), Int8Array.of(3)]);
  });

  it('have as many values as there are', () => {
    assertRefused(
      () =>
        decodeRows(iris, [
          [1, 2],
          [1, 2, 3],
        ]),
      'INVALID_INPUT',
      /rows\[1\]: it has 3 values, expected 2/,
    );
  });
});

describe('a call that is not batched', () => {
  it('is one row', () => {
    const signature: Signature = { ...taking(spec('m', 'FP32', [2, 2]), spec('s', 'FP32', [])), batched: false };
    assert.deepEqual(
      decodeRows(signature, [
        {
          m: [
            [1, 2],
            [3, 4],
          ],
          s: 5,
        },
      ]),
      [
        { name: 'm', datatype: 'FP32', shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) },
        { name: 's', datatype: 'FP32', shape: [], data: Float32Array.of(5) },
      ],
    );
    for (const count of [0, 2]) {
      assertRefused(() => decodeRows(signature, new Array(count).fill({})), 'INVALID_INPUT', /takes one row a call/);
    }
  });
});

describe('values of rows', () => {
  it('may be bigint, for integers that need it', () => {
    const signature = taking(spec('id', 'INT64', [null]));
    assert.deepEqual(dataOf(signature, [{ id: 2n ** 63n - 1n }, { id: 5 }]), [BigInt64Array.of(2n ** 63n - 1n, 5n)]);
    assertRefused(
      () => decodeRows(signature, [{ id: 2 ** 53 }]),
      'INVALID_INPUT',
      /"id" of rows\[0\]: it is beyond 2\^53/,
    );
    assertRefused(() => decodeRows(signature, [{ id: 2n ** 63n }]), 'INVALID_INPUT', /does not fit INT64/);
  });

  it('become half-precision bits', () => {
    const [data] = dataOf(taking(spec('h', 'FP16', [null])), [{ h: 1.5 }, { h: -0.1 }, { h: Infinity }]);
    assert.deepEqual(Array.from(data as Uint16Array, fromHalf), [1.5, -0.0999755859375, Infinity]);
    assertRefused(
      () => dataOf(taking(spec('h', 'FP16', [null])), [{ h: 65_520 }]),
      'INVALID_INPUT',
      /does not fit FP16/,
    );
  });

  it('may be NaN and infinite in JavaScript, but not where they come from JSON', () => {
    assert.deepEqual(dataOf(iris, [[NaN, -Infinity]]), [Float32Array.of(NaN, -Infinity)]);
    assertRefused(
      () => decodeRows(iris, [[1, Infinity]], { nonFinite: 'refuse' }),
      'INVALID_INPUT',
      /"width" of rows\[0\]/,
    );
    assertRefused(() => decodeRows(iris, [[1, 1e39]]), 'INVALID_INPUT', /does not fit FP32/);
  });
});

describe('what is missing', () => {
  const nan = taking(
    spec('X', 'FP32', [null, 2], { features: ['a', 'constructor'], missing: 'nan' }),
    spec('n', 'INT8', [null]),
  );

  it('is an error that names row and key', () => {
    assertRefused(
      () => decodeRows(iris, [{ length: 1, width: 2 }, { length: 1 }]),
      'INVALID_INPUT',
      /rows\[1\]: "width" is missing/,
    );
    assertRefused(
      () => decodeRows(iris, [{ length: 1, width: undefined }]),
      'INVALID_INPUT',
      /rows\[0\]: "width" is missing/,
    );
    assertRefused(
      () => decodeRows(iris, [{ length: null, width: 2 }]),
      'INVALID_INPUT',
      /"length" of rows\[0\]: it is null/,
    );
    assertRefused(() => decodeRows(taking(spec('X', 'INT8', [null, 2])), [{}]), 'INVALID_INPUT', /"X" is missing/);
  });

  it('is never taken from what all objects have', () => {
    const signature = taking(
      spec('constructor', 'BYTES', [null]),
      spec('toString', 'BYTES', [null, 2]),
      spec('__proto__', 'FP32', [null]),
    );
    assertRefused(() => decodeRows(signature, [{}]), 'INVALID_INPUT', /"constructor" is missing/);
    const row: unknown = JSON.parse('{"__proto__":1,"constructor":"c","toString":["a","b"]}');
    assert.deepEqual(dataOf(signature, [row]), [['c'], ['a', 'b'], Float32Array.of(1)]);
  });

  it('is NaN where the signature says so, for floating point alone', () => {
    assert.deepEqual(dataOf(nan, [{ n: 1 }, { a: null, constructor: 2, n: 2 }, [3, null, 3]]), [
      Float32Array.of(NaN, NaN, NaN, 2, 3, NaN),
      Int8Array.of(1, 2, 3),
    ]);
    assertRefused(() => decodeRows(nan, [{ a: 1 }]), 'INVALID_INPUT', /"n" is missing/);
    assert.deepEqual(dataOf(taking(spec('X', 'FP32', [null, 2], { missing: 'nan' })), [{ X: [1, null] }]), [
      Float32Array.of(1, NaN),
    ]);
  });

  it('is not taken for missing when it is in a list under the name of the input', () => {
    const signature = taking(spec('X', 'FP32', [null, 2], { features: ['a', 'b'], missing: 'nan' }));
    assert.deepEqual(dataOf(signature, [{ X: [1, 2] }]), [Float32Array.of(1, 2)]);
  });

  it('does not hide a key that is written wrong', () => {
    assertRefused(
      () => decodeRows(nan, [{ a: 1, n: 1, constructr: 5 }]),
      'INVALID_INPUT',
      /the key "constructr" is unknown/,
    );
    assertRefused(() => decodeRows(iris, [{ X: [1, 2], wdth: 1 }]), 'INVALID_INPUT', /the key "wdth" is unknown/);
  });
});

describe('what is too much', () => {
  it('is refused by its key', () => {
    assertRefused(
      () => decodeRows(iris, [{ length: 1, width: 2, height: 3 }]),
      'INVALID_INPUT',
      /rows\[0\]: the key "height" is unknown/,
    );
    assertRefused(
      () => decodeRows(iris, [{ X: [1, 2], width: 2 }]),
      'INVALID_INPUT',
      /"width" is given by its name and in the list "X"/,
    );
  });

  it('is left alone in files', () => {
    const [tensor] = decodeRows(iris, [{ length: 1, width: 2, order_id: 'z' }], { unknownKeys: 'ignore' });
    assert.deepEqual(tensor?.data, Float32Array.of(1, 2));
  });

  it('is refused before memory is taken for it', () => {
    const wide = taking(spec('X', 'FP64', [null, 1_000_000]));
    const limits = { maxNesting: 100, maxElements: 1_500_000 };
    assertRefused(() => decodeRows(wide, [{}, {}], { limits }), 'PAYLOAD_TOO_LARGE', /more than 1500000 values/);
  });
});

describe('errors of rows', () => {
  const refused: [what: string, signature: Signature, row: unknown, message: RegExp][] = [
    ['a number', iris, 5, /rows\[0\]: expected an object, or a list/],
    ['null', iris, null, /rows\[0\]: expected an object, or a list/],
    ['a text', iris, 'ab', /rows\[0\]: expected an object, or a list/],
    [
      'a text for a number',
      iris,
      { length: '1', width: 2 },
      /"length" of rows\[0\]: it is a string, expected a number/,
    ],
    ['a fraction for an integer', mixed, [1.5, 1, 2, ''], /"age" of rows\[0\]: it has a fraction/],
    ['a list for a number', mixed, [[1], 1, 2, ''], /"age" of rows\[0\]: it is a list/],
    ['a wrong element of a list', iris, { X: [1, '2'] }, /element 1 of "X" of rows\[0\]: it is a string/],
    ['a short list', iris, { X: [1] }, /"X": it has 1 values, and shape \[2\] takes 2/],
    ['a number for a list', taking(spec('X', 'INT8', [null, 2])), { X: 5 }, /"X" is not a list/],
    [
      'a list that is too deep',
      taking(spec('X', 'INT8', [null, null])),
      { X: nest(120) },
      /nesting depth|nested as deep/,
    ],
  ];
  for (const [what, signature, row, message] of refused) {
    it(`say what is wrong with ${what}`, () => {
      const code = /nesting depth/.test(message.source) ? /INVALID_/ : /INVALID_INPUT/;
      assert.throws(
        () => decodeRows(signature, [row]),
        (error: Error & { code: string }) => code.test(error.code) && message.test(error.message),
      );
    });
  }

  it('name rows as they are told', () => {
    assertRefused(
      () => decodeRows(iris, [{}], { nameRow: (i) => `line ${i + 2}` }),
      'INVALID_INPUT',
      /^Cannot use line 2: "length" is missing/,
    );
  });

  it('never repeat a value', () => {
    const secret = secretMarker();
    for (const row of [
      secret,
      { length: secret, width: 1 },
      [secret, 1],
      { X: [1, secret] },
      { X: secret },
      { length: { secret }, width: 1 },
    ]) {
      assert.throws(
        () => decodeRows(iris, [row]),
        (error: Error) => !error.message.includes(secret),
      );
    }
  });
});

function nest(levels: number): unknown {
  let list: unknown = [1];
  for (let i = 0; i < levels; i += 1) list = [list];
  return list;
}

describe('outputs as rows', () => {
  const labels = ['no', 'yes'];

  it('keep their values', () => {
    const signature = giving(
      spec('label', 'INT64', [null]),
      spec('p', 'FP32', [null, 2]),
      spec('ok', 'BOOL', [null]),
      spec('m', 'INT8', [null, 2, 1]),
    );
    const outputs = [
      { datatype: 'INT64', shape: [2], data: BigInt64Array.of(1n, 2n ** 60n) },
      { datatype: 'FP32', shape: [2, 2], data: Float32Array.of(0.5, NaN, 1, 0) },
      { datatype: 'BOOL', shape: [2], data: Uint8Array.of(1, 0) },
      { datatype: 'INT8', shape: [2, 2, 1], data: Int8Array.of(1, 2, 3, 4) },
    ] as const;
    assert.deepEqual(encodeRows(signature, outputs, 2), [
      { label: 1, p: [0.5, NaN], ok: true, m: [[1], [2]] },
      { label: 2n ** 60n, p: [1, 0], ok: false, m: [[3], [4]] },
    ]);
  });

  it('read by the names of the classes when asked', () => {
    const signature = giving(
      spec('label', 'INT64', [null], { labels }),
      spec('p', 'FP32', [null, 2], { labels }),
      spec('q', 'FP32', [null]),
    );
    const outputs = [
      { datatype: 'INT64', shape: [2], data: BigInt64Array.of(1n, 7n) },
      { datatype: 'FP32', shape: [2, 2], data: Float32Array.of(0.25, 0.75, 1, 0) },
      { datatype: 'FP32', shape: [2], data: Float32Array.of(3, 4) },
    ] as const;
    assert.deepEqual(encodeRows(signature, outputs, 2, { labels: true }), [
      { label: 'yes', 'p.no': 0.25, 'p.yes': 0.75, q: 3 },
      { label: 7, 'p.no': 1, 'p.yes': 0, q: 4 }, // a class without a name keeps its index
    ]);
  });

  it('read by value where a row is a list of class indices', () => {
    const signature = giving(spec('label', 'INT32', [null, 1], { labels }));
    const outputs = [{ datatype: 'INT32', shape: [1, 1], data: Int32Array.of(1) }] as const;
    assert.deepEqual(encodeRows(signature, outputs, 1, { labels: true }), [{ label: ['yes'] }]);
  });

  it('follow free axes as they come', () => {
    const signature = giving(spec('p', 'INT8', [null, null]));
    for (const size of [1, 3]) {
      const outputs = [{ datatype: 'INT8', shape: [1, size], data: new Int8Array(size) }] as const;
      assert.deepEqual(encodeRows(signature, outputs, 1), [{ p: new Array<number>(size).fill(0) }]);
    }
  });

  it('are one row when the signature is not batched', () => {
    const signature = { ...giving(spec('m', 'INT8', [2]), spec('s', 'FP16', [])), batched: false };
    const outputs = [
      { datatype: 'INT8', shape: [2], data: Int8Array.of(1, 2) },
      { datatype: 'FP16', shape: [], data: Uint16Array.of(0x3e00) },
    ] as const;
    assert.deepEqual(encodeRows(signature, outputs, 1), [{ m: [1, 2], s: 1.5 }]);
  });

  it('hold text where bytes are text, else the bytes', () => {
    const outputs = [{ datatype: 'BYTES', shape: [3], data: ['a', Uint8Array.of(0x62), Uint8Array.of(0xff)] }] as const;
    assert.deepEqual(encodeRows(giving(spec('t', 'BYTES', [null])), outputs, 3), [
      { t: 'a' },
      { t: 'b' },
      { t: Uint8Array.of(0xff) },
    ]);
  });
});

describe('example rows', () => {
  it('fit the signature they are made from, whatever it is', () => {
    for (const datatype of DATATYPES) {
      const signature = taking(
        spec('s', datatype, [null]),
        spec('f', datatype, [null, 2], { features: ['a', 'b'] }),
        spec('l', datatype, [null, null, 2]),
      );
      const rows = exampleRows(signature, 3, 4);
      const checked = checkInputs(signature, decodeRows(signature, rows));
      assert.equal(checked.rows, 3);
      assert.deepEqual(
        checked.tensors.map(({ shape }) => shape),
        [[3], [3, 2], [3, 4, 2]],
      );
      assert.deepEqual(exampleRows(signature, 3, 4), rows);
    }
  });
});
