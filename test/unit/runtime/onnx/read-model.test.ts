/** What is read from ONNX files, held to the models that were made to be odd. */
import assert from 'node:assert/strict';
import { describe, it, test } from 'node:test';
import { ServeryError } from '../../../../src/core/errors.ts';
import { formatShape } from '../../../../src/core/signature.ts';
import { readModel } from '../../../../src/runtime/onnx/read-model.ts';
import { fixture, quickstart } from '../../../support/fixture-models.ts';

const options = { intraOpNumThreads: 1, graphOptimizationLevel: 'all', executionProviders: ['cpu'] };

function read({ folder, file }: ReturnType<typeof fixture>) {
  const { session, ...model } = readModel(folder, file, options);
  session.dispose();
  const line = (specs: typeof model.signature.inputs) =>
    specs.map(({ name, datatype, shape }) => `${name} ${datatype} ${formatShape(shape)}`).join(', ');
  const { inputs, outputs, batched } = model.signature;
  return { ...model, form: `${line(inputs)} -> ${line(outputs)}${batched ? ' by row' : ''}` };
}

describe('the signature is read from the artifact', () => {
  const datatypes = 'BOOL UINT8 UINT16 UINT32 UINT64 INT8 INT16 INT32 INT64 FP16 FP32 FP64 BYTES'.split(' ');
  for (const datatype of datatypes) {
    test(datatype, () => {
      const { form, signature } = read(fixture(`identity-${datatype.toLowerCase()}`));
      assert.equal(form, `x ${datatype} [*, 2] -> y ${datatype} [*, 2] by row`);
      // ONNX Runtime would damage bytes that are not text.
      assert.equal(signature.inputs[0]!.text, datatype === 'BYTES' ? true : undefined);
    });
  }

  const forms: Record<string, string> = {
    'add-sub': 'INPUT0 INT32 [*, 16], INPUT1 INT32 [*, 16] -> OUTPUT0 INT32 [*, 16], OUTPUT1 INT32 [*, 16] by row',
    'dynamic-inner': 'x FP32 [*, *] -> y FP32 [*, *], z FP32 [*] by row',
    'mean-pool': 'image FP32 [*, 3, *, *] -> mean FP32 [*, 3] by row',
    'unnamed-axis': 'x FP32 [*, 2] -> y FP32 [*, 2] by row',
    'zero-width': 'x FP32 [*, 0] -> y FP32 [*, 0] by row',
    'odd-names': 'dense input:0 FP32 [*], __proto__ FP32 [*] -> résultat/1 FP32 [*], constructor FP32 [*] by row',
    'initializer-as-input': 'x FP32 [*] -> y FP32 [*] by row',
    'optional-input': 'x FP32 [*] -> y FP32 [*] by row',
    'external-data': 'x FP32 [*, 4] -> y FP32 [*, 3] by row',
    'wrong-rows-fewer': 'x FP32 [*] -> y FP32 [*] by row',
    // Not by row: nothing that counts rows is common to all
    'no-batch': 'x FP32 [2, 3] -> y FP32 [2, 3]',
    'fixed-vector': 'x FP32 [4] -> y FP32 [4]',
    'fixed-batch': 'x FP32 [4, 2] -> y FP32 [4, 2]',
    scalar: 'x FP32 [] -> y FP32 []',
    'batch-axis-1': 'x FP32 [4, *] -> y FP32 [4, *]',
    'two-symbols': 'a FP32 [*], b FP32 [*] -> y FP32 [*], z FP32 [*]',
    'no-batch-output': 'x FP32 [*] -> y FP32 [*], count INT64 [1]',
    'no-inputs': ' -> y FP32 [3]',
    'with-if': 'x FP32 [*], negate BOOL [1] -> y FP32 [*]',
    'wrong-rows-one': 'x FP32 [*] -> y FP32 [1]',
  };
  for (const [name, form] of Object.entries(forms)) test(name, () => assert.equal(read(fixture(name)).form, form));

  test('the quickstart', () => {
    const { form } = read(quickstart('iris'));
    assert.equal(form, 'X FP32 [*, 4] -> label INT64 [*], probabilities FP32 [*, 3] by row');
  });
});

describe('a ZipMap becomes a matrix', () => {
  test('with integer classes 0, 1, 2 its columns need no names', () => {
    const { form, signature, facts } = read(fixture('zipmap'));
    assert.equal(form, 'X FP32 [*, 4] -> output_label INT64 [*], output_probability FP32 [*, 3] by row');
    assert.equal(signature.outputs[1]!.labels, undefined);
    assert.ok(facts.notes.some((note) => note.includes('ZipMap')));
  });

  test('with text classes these are its labels', () => {
    const { form, signature } = read(fixture('zipmap-strings'));
    assert.equal(form, 'X FP32 [*, 4] -> output_label BYTES [*], output_probability FP32 [*, 3] by row');
    assert.deepEqual(signature.outputs[1]!.labels, ['setosa', 'versicolor', 'virginica']);
    assert.equal(signature.outputs[0]!.labels, undefined);
  });

  test('without a ZipMap, the classes of the classifier are the labels', () => {
    const { signature } = read(fixture('string-labels'));
    assert.deepEqual(signature.outputs[1]!.labels, ['setosa', 'versicolor', 'virginica']);
  });
});

describe('only a model whose cost has a bound may run inline', () => {
  const reasons: Record<string, RegExp | undefined> = {
    doubler: undefined,
    scalar: undefined,
    zipmap: undefined,
    'dynamic-inner': /"x" has an axis of any size/,
    'with-if': /axis of any size/,
    slow: /a Loop node/,
    'identity-bytes': /texts have any length/,
    'external-data': /too large/,
  };
  for (const [name, reason] of Object.entries(reasons)) {
    it(`${name}: ${reason === undefined ? 'yes' : 'no'}`, () => {
      const { facts, bytes } = read(fixture(name));
      assert.equal(facts.canInline, reason === undefined);
      assert.equal(bytes !== undefined, facts.canInline);
      if (reason !== undefined) {
        assert.ok(
          facts.notes.some((note) => reason.test(note)),
          facts.notes.join('\n'),
        );
      }
    });
  }
});

describe('a broken artifact is refused with its reason', () => {
  const reasons: Record<string, RegExp> = {
    'broken-empty': /it is empty/,
    'broken-truncated': /damaged, cut short/,
    'broken-text': /damaged, cut short/,
    'broken-protobuf': /damaged, cut short/,
    'broken-image': /damaged, cut short/,
    'broken-opset': /Opset 999/,
    'broken-ir': /IR version: 99/,
    'broken-graph': /no graph/,
    'broken-operator': /Frobnicate/,
    'broken-domain': /Magic/,
    'broken-cycle': /not acyclic/,
    'broken-dangling': /'b' is not a graph input/,
    'broken-type': /Type Error/,
    'broken-external': /weights file "model.onnx.data": it is missing|"model.onnx.data".*missing/,
    'broken-external-outside': /outside the folder/,
    'broken-external-absolute': /absolute path/,
    'sequence-output': /output "y": it is a sequence/,
    'bf16-output': /output "y": the protocols have no datatype BFLOAT16/,
    'unknown-rank': /input "x": the artifact does not say how many axes/,
  };
  for (const [name, reason] of Object.entries(reasons)) {
    test(name, () => {
      assert.throws(
        () => read(fixture(name)),
        (error) => {
          assert.ok(error instanceof ServeryError);
          assert.equal(error.code, 'MODEL_INVALID');
          assert.match(error.message, reason);
          // Neither where it lies nor where ONNX Runtime was built
          assert.doesNotMatch(error.message, /onnxruntime_src|\.cc|\.h:|\/etc|test\/fixtures|::/);
          return true;
        },
      );
    });
  }

  test('a file that cannot be read', () => {
    const artifact = { ...fixture('doubler'), file: 'other.onnx' };
    assert.throws(() => read(artifact), /Cannot read "other.onnx" of the version: it is missing/);
  });
});
