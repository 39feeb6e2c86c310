import assert from 'node:assert/strict';
import { it } from 'node:test';
import { checkInputs, type Signature, type TensorSpec } from '../../../src/core/signature.ts';
import { DATATYPES, type NamedTensor } from '../../../src/core/tensor.ts';
import { decodePlainRequest, encodePlainResponse, type PlainForm } from '../../../src/protocol/plain.ts';
import { decodeRows, encodeRows } from '../../../src/protocol/rows.ts';
import { refusalOf } from '../../support/client-error.ts';
import { fuzz, type Random } from '../../support/fuzz.ts';

const utf8 = new TextEncoder();
const FORMS: readonly PlainForm[] = ['json', 'ndjson', 'csv'];

const PIECES = [
  '"', '""', '\\', '{', '}', '[', ']', ',', ':', '\n', '\r\n', '-', '.', 'e9', '1e400', 'null', 'true', 'NaN', '[[', '[]', '{}',
  '"rows"', '"a"', '"x0"', '"__proto__":1', 'constructor', '9007199254740993', '1.5', '\ufeff', '\u0000', ' ',
].map((piece) => utf8.encode(piece)); // prettier-ignore

/** A signature of any datatypes, with inputs of every kind that rows know. */
function signatureOf(random: Random): Signature {
  const specs = random.list(1 + random.below(3), (i): TensorSpec => {
    const name = `x${i}`;
    const datatype = random.pick(DATATYPES);
    const missing = datatype.startsWith('FP') && random.chance(0.2) ? { missing: 'nan' as const } : {};
    switch (random.below(4)) {
      case 0:
        return { name, datatype, shape: [null], ...missing };
      case 1:
        return { name, datatype, shape: [null, 2], features: [`${name}.a`, `${name}.b`], ...missing };
      case 2:
        return { name, datatype, shape: [null, 1 + random.below(3)], ...missing };
      default:
        return { name, datatype, shape: [null, 2, 2], ...missing };
    }
  });
  return { inputs: specs, outputs: specs.map(({ features: _features, ...spec }) => spec), batched: true };
}

/** A row whose values JSON can say. */
function rowOf(random: Random, { inputs }: Signature): Record<string, unknown> {
  return Object.fromEntries(
    inputs.flatMap(({ name, datatype, shape, features }): [string, unknown][] => {
      const value = (): unknown => {
        if (datatype === 'BOOL') return random.chance(0.5);
        if (datatype === 'BYTES') return random.text(5);
        if (datatype.startsWith('FP')) return Math.fround((random.bits() - 2 ** 31) / 2 ** (17 + random.below(20)));
        return random.below(100);
      };
      if (features !== undefined && random.chance(0.8)) return features.map((feature) => [feature, value()]);
      const nested = (axis: number): unknown =>
        axis === shape.length ? value() : random.list(shape[axis]!, () => nested(axis + 1));
      return [[name, nested(1)]];
    }),
  );
}

function bodyOf(form: PlainForm, rows: readonly Record<string, unknown>[]): Uint8Array {
  if (form === 'json') return utf8.encode(JSON.stringify({ rows }));
  if (form === 'ndjson') return utf8.encode(rows.map((row) => JSON.stringify(row)).join('\n'));
  const names = Object.keys(rows[0]!);
  const cell = (value: unknown): string =>
    `"${(typeof value === 'string' ? value : JSON.stringify(value)).replaceAll('"', '""')}"`;
  const lines = [names, ...rows.map((row) => names.map((name) => row[name]))].map((line) => line.map(cell).join(','));
  return utf8.encode(lines.join('\n'));
}

/** In CSV all rows have the same columns. */
function sameKeys(random: Random, signature: Signature, count: number): Record<string, unknown>[] {
  const [first, ...others] = random.list(count, () => rowOf(random, signature));
  const keys = Object.keys(first!).join();
  return [first!, ...others.map((row) => (Object.keys(row).join() === keys ? row : first!))];
}

it('reads the same rows in every form', () => {
  fuzz((random) => {
    const signature = signatureOf(random);
    const rows = sameKeys(random, signature, 1 + random.below(3));
    const expected = decodeRows(signature, rows);
    assert.equal(checkInputs(signature, expected).rows, rows.length);
    for (const form of FORMS) assert.deepEqual(decodePlainRequest(bodyOf(form, rows), form, signature), expected, form);
  }, 0.5);
});

it('gives back the rows that it read', () => {
  fuzz((random) => {
    const signature = signatureOf(random);
    const tensors = decodeRows(
      signature,
      random.list(1 + random.below(3), () => rowOf(random, signature)),
    );
    const rows = tensors[0]!.shape[0]!;
    const back = decodeRows({ ...signature, inputs: signature.outputs }, encodeRows(signature, tensors, rows));
    assert.deepEqual(back, tensors);
    const model = { name: 'm', version: 1 };
    const read = (form: PlainForm): readonly NamedTensor[] => {
      const text = encodePlainResponse({ model, signature, outputs: tensors, rows }, form, { labels: false });
      const body = form === 'json' ? JSON.stringify({ rows: (JSON.parse(text) as { rows: unknown }).rows }) : text;
      return decodePlainRequest(utf8.encode(body), form, { ...signature, inputs: signature.outputs });
    };
    for (const form of FORMS) assert.deepEqual(read(form), tensors, form);
  }, 0.5);
});

for (const form of FORMS) {
  it(`takes or refuses what was good ${form} once, and random bytes`, () => {
    let taken = 0;
    fuzz((random) => {
      const signature = signatureOf(random);
      const good = bodyOf(form, sameKeys(random, signature, 1 + random.below(3)));
      const body = random.chance(0.1) ? random.bytes(random.below(60)) : random.mutate(good, PIECES);
      const refusal = refusalOf(() => checkInputs(signature, decodePlainRequest(body, form, signature)));
      if (refusal === undefined) taken += 1;
    });
    assert.ok(taken > 0, 'some mutations leave rows that can be read');
  });
}

it('takes or refuses rows of any values', () => {
  fuzz((random) => {
    const signature = signatureOf(random);
    const value = (depth: number): unknown => {
      switch (random.below(depth > 0 ? 12 : 9)) {
        case 0:
          return random.pick([0, 1, -1, 1.5, 300, -0, NaN, Infinity, 2 ** 53, 1e39]);
        case 1:
          return random.pick([undefined, null, true, false]);
        case 2:
          return random.pick([0n, 2n ** 63n, -(2n ** 64n)]);
        case 3:
          return random.text(3);
        case 4:
          return Symbol('s');
        case 5:
          return () => 1;
        case 6:
          return random.pick([
            Float32Array.of(1, 2),
            new DataView(new ArrayBuffer(4)),
            BigInt64Array.of(1n),
            new Date(0),
            new Map(),
          ]);
        case 7:
          return Object.create(null);
        case 8:
          return { valueOf: () => 1, toString: () => '1' };
        case 9:
          return { [random.pick(['x0', 'x0.a', 'x1'])]: value(depth - 1) };
        default:
          return random.list(random.below(4), () => value(depth - 1));
      }
    };
    const row = (): unknown => {
      const good = rowOf(random, signature);
      if (random.chance(0.2)) return value(3);
      for (const key of Object.keys(good)) if (random.chance(0.3)) good[key] = value(2);
      if (random.chance(0.2)) good[random.pick(['y', '__proto__', 'x0', 'x0.a'])] = value(1);
      return good;
    };
    const rows = random.list(random.below(4), row);
    refusalOf(() => checkInputs(signature, decodeRows(signature, rows)));
  });
});
