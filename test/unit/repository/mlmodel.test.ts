/** Model directories of MLflow as versions: which file is served, and why none is. */
import assert from 'node:assert/strict';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, it } from 'node:test';
import type { ModelArtifact } from '../../../src/core/model.ts';
import { FolderRepository } from '../../../src/repository/folder-repository.ts';
import { columns, mlmodel, tensor } from '../../support/mlmodel.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

async function contentOf(files: Readonly<Record<string, string>>, link?: string): Promise<ModelArtifact | string> {
  await using folder = await temporaryFolder();
  const modelsFolder = join(folder.path, 'models');
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(modelsFolder, 'm/1', name)), { recursive: true });
    await writeFile(join(modelsFolder, 'm/1', name), text);
  }
  if (link !== undefined) await symlink(link, join(modelsFolder, 'm/1/linked.onnx'));
  await using repository = new FolderRepository({ modelsFolder, stateFolder: join(folder.path, '.servery') });
  const view = await repository.list();
  return view.models[0]!.versions[0]!.content;
}

async function artifactOf(files: Readonly<Record<string, string>>): Promise<ModelArtifact> {
  const content = await contentOf(files);
  assert.ok(typeof content === 'object', String(content));
  return content;
}

/** As MLflow 3.17 writes it, folded lines and all. */
const WRITTEN = `artifact_path: model
flavors:
  onnx:
    code: null
    data: model.onnx
    onnx_session_options: null
    onnx_version: '1.17'
    providers:
    - CPUExecutionProvider
  python_function:
    data: model.onnx
    env:
      conda: conda.yaml
      virtualenv: python_env.yaml
    loader_module: mlflow.onnx
    python_version: 3.12.1
is_signature_from_type_hint: false
mlflow_version: 3.17.2
model_id: null
model_uuid: 37658126bc44438980438450814eddee
prompts: null
signature:
  inputs: '[{"type": "double", "name": "a", "required": true}, {"type": "long",
    "name": "it''s b", "required": false}]'
  outputs: '[{"name": "y", "type": "tensor", "tensor-spec": {"dtype": "float32", "shape":
    [-1, 2]}}]'
  params: '[{"name": "t", "default": 0.5, "shape": null, "type": "double"}]'
type_hint_from_example: false
utc_time_created: '2026-11-25 12:39:21.315746'
`;

/** As versions 1.2 and 2.4 of MLflow wrote it. */
const OLDER: Readonly<Record<string, string>> = {
  '1.2': `artifact_path: model
flavors:
  onnx:
    data: model.onnx
    onnx_version: 1.6.0
  python_function:
    data: model.onnx
    env: conda.yaml
    loader_module: mlflow.onnx
    python_version: 3.6.9
run_id: 9c7f3b6f0a5e4a4d8a9d3c0b1c2d3e4f
saved_input_example_info:
  artifact_path: input_example.json
  pandas_orient: split
  type: dataframe
signature:
  inputs: '[{"name": "a", "type": "double"}, {"name": "b", "type": "long"}]'
  outputs: '[{"type": "float"}]'
utc_time_created: '2020-11-25 12:39:21.315746'
`,
  '2.4': `artifact_path: model
flavors:
  onnx:
    code: null
    data: model.onnx
    onnx_session_options: null
    onnx_version: 1.13.1
    providers:
    - CUDAExecutionProvider
    - CPUExecutionProvider
  python_function:
    data: model.onnx
    env:
      conda: conda.yaml
      virtualenv: python_env.yaml
    loader_module: mlflow.onnx
    python_version: 3.8.16
mlflow_version: 2.4.1
model_uuid: 0a1b2c3d4e5f60718293a4b5c6d7e8f9
run_id: 9c7f3b6f0a5e4a4d8a9d3c0b1c2d3e4f
saved_input_example_info:
  artifact_path: input_example.json
  pandas_orient: split
  type: dataframe
signature:
  inputs: '[{"type": "double", "name": "a"}, {"type": "long", "name": "b", "optional": true}]'
  outputs: '[{"type": "tensor", "tensor-spec": {"dtype": "float32", "shape": [-1]}}]'
  params: '[{"name": "t", "dtype": "double", "default": 0.5, "shape": null}]'
utc_time_created: '2023-06-25 12:39:21.315746'
`,
};

describe('a model directory of MLflow', () => {
  for (const [version, text] of Object.entries(OLDER)) {
    it(`is read as MLflow ${version} wrote it`, async () => {
      const files = { MLmodel: text, 'model.onnx': '', 'conda.yaml': '', 'input_example.json': '{}' };
      const { format, file, hints } = await artifactOf(files);
      assert.deepEqual([format, file], ['onnx', 'model.onnx']);
      assert.deepEqual(
        hints!.inputs.map(({ name, type, kind }) => [name, type, kind]),
        [
          ['a', 'double', 'number'],
          ['b', 'long', 'integer'],
        ],
      );
      assert.deepEqual(hints!.example, { file: 'input_example.json', under: 'dataframe_split' });
      assert.deepEqual(
        hints!.params?.map(({ name, type }) => [name, type]),
        version === '2.4' ? [['t', 'double']] : undefined,
      );
    });
  }

  it('is a version when it has the flavor onnx, with what its signature says', async () => {
    const artifact = await artifactOf({ MLmodel: WRITTEN, 'model.onnx': '', 'conda.yaml': '' });
    assert.deepEqual([artifact.format, artifact.file], ['onnx', 'model.onnx']);
    assert.deepEqual(artifact.hints, {
      file: 'MLmodel',
      inputs: [
        { name: 'a', type: 'double', kind: 'number' },
        { name: "it's b", type: 'long', kind: 'integer' },
      ],
      outputs: [{ name: 'y', type: 'float32', kind: 'number', shape: [null, 2] }],
      params: [{ name: 't', type: 'double', default: 0.5, isList: false }],
    });
  });

  it('may call the artifact as it likes', async () => {
    const flavors = { onnx: { data: './data/classifier.onnx' } };
    const files = { MLmodel: mlmodel({ flavors }), 'data/classifier.onnx': '' };
    assert.equal((await artifactOf(files)).file, 'data/classifier.onnx');
  });

  it('knows the types of MLflow', async () => {
    const items = { type: 'string' };
    const inputs = [
      ...['boolean', 'integer', 'float', 'string', 'binary', 'datetime', 'map', 'object', 'any', 'newest'].map(
        (type) => columns(type, type)[0]!,
      ),
      { type: 'array', items, name: 'array' },
    ];
    const { hints } = await artifactOf({ MLmodel: mlmodel({ inputs }), 'model.onnx': '' });
    assert.deepEqual(
      hints!.inputs.map(({ kind }) => kind),
      ['boolean', 'integer', 'number', 'text', 'text', 'text', 'none', 'none', 'any', 'any', 'text'],
    );
    assert.equal(hints!.inputs.at(-1)!.type, 'array of string');
    const tensors = ['bool', 'uint8', 'float16', 'object', 'str', 'complex64', 'datetime64[ns]'];
    const outputs = tensors.map((dtype) => tensor(dtype, [-1], dtype));
    const others = (await artifactOf({ MLmodel: mlmodel({ outputs }), 'model.onnx': '' })).hints!;
    assert.deepEqual(
      others.outputs.map(({ kind }) => kind),
      ['boolean', 'integer', 'number', 'text', 'text', 'none', 'any'],
    );
  });

  it('brings its example: the request that was made of it, else the data', async () => {
    const example = async (info: { type: string; pandas_orient?: string }, ...files: string[]) => {
      const beside = Object.fromEntries(files.map((name) => [name, '']));
      const { hints } = await artifactOf({ MLmodel: mlmodel({ example: info }), 'model.onnx': '', ...beside });
      return hints!.example;
    };
    const frame = { type: 'dataframe', pandas_orient: 'split' };
    const serving = { file: 'serving_input_example.json' };
    assert.deepEqual(await example(frame, 'input_example.json', 'serving_input_example.json'), serving);
    const data = { file: 'input_example.json' };
    assert.deepEqual(await example(frame, data.file), { ...data, under: 'dataframe_split' });
    const records = { type: 'dataframe', pandas_orient: 'records' };
    assert.deepEqual(await example(records, data.file), { ...data, under: 'dataframe_records' });
    assert.deepEqual(await example({ type: 'ndarray' }, data.file), { ...data, under: 'inputs' });
    assert.equal(await example({ type: 'sparse_matrix_csc' }, data.file), undefined);
    assert.equal(await example({ type: 'ndarray' }), undefined);
  });

  it('without onnx serves what was exported beside it', async () => {
    const sklearn = mlmodel({ flavors: { sklearn: {} }, inputs: columns('double', 'a') });
    const artifact = await artifactOf({ MLmodel: sklearn, 'model.pkl': '', 'model.onnx': '' });
    assert.deepEqual([artifact.file, artifact.hints?.inputs.length], ['model.onnx', 1]);
    const handler = await artifactOf({ MLmodel: sklearn, 'handler.ts': '' });
    assert.deepEqual([handler.file, handler.hints], ['handler.ts', undefined]);
  });

  for (const [what, files, problem] of [
    [
      'only a pickle',
      { MLmodel: mlmodel({ flavors: { python_function: {}, sklearn: { pickled_model: 'model.pkl' } } }) },
      /flavors "python_function", "sklearn", and only "onnx" is run here: export it with skl2onnx and put model.onnx/,
    ],
    [
      'a flavor that nobody knows',
      { MLmodel: mlmodel({ flavors: { crate: {} } }) },
      /flavors "crate", .*export the model to ONNX/,
    ],
    ['no flavor', { MLmodel: 'flavors: {}\n' }, /flavors none, and only "onnx"/],
    ['no flavors at all', { MLmodel: 'artifact_path: model\n' }, /MLmodel cannot be used: flavors: /],
    ['an empty file', { MLmodel: '' }, /MLmodel cannot be used: it: /],
    ['bad YAML', { MLmodel: 'flavors:\n  onnx: {data: [\n' }, /MLmodel cannot be used: line 3: /],
    ['an alias to nothing', { MLmodel: 'flavors: *x\n' }, /MLmodel cannot be used: /],
    [
      'aliases without end',
      { MLmodel: `a: &a [x, x]\nb: &b [${'*a,'.repeat(99)}]\nc: &c [${'*b,'.repeat(99)}]\nflavors: [*c, *c]\n` },
      /MLmodel cannot be used: it is no YAML that can be read/,
    ],
    ['brackets without end', { MLmodel: '['.repeat(200_000) }, /MLmodel cannot be used: /],
    [
      'more than a signature',
      { MLmodel: `# ${'x'.repeat(2 ** 21)}` },
      /it has 2097154 bytes, at most 2097152 are read/,
    ],
    [
      'an onnx flavor without data',
      { MLmodel: mlmodel({ flavors: { onnx: {} } }) },
      /its flavor "onnx" names no file as "data"/,
    ],
    ['a file that is missing', { MLmodel: mlmodel() }, /names the artifact "model.onnx", which is not in the folder/],
    [
      'a file elsewhere',
      { MLmodel: mlmodel({ flavors: { onnx: { data: '../../secret.onnx' } } }) },
      /names the artifact "..\/..\/secret.onnx", which is not in the folder/,
    ],
    [
      'two artifacts',
      { MLmodel: mlmodel({ flavors: { onnx: { data: 'a.onnx' } } }), 'a.onnx': '', 'model.onnx': '' },
      /holds model.onnx and "a.onnx", which its MLmodel names; expected one/,
    ],
    [
      'a signature that is no JSON',
      { MLmodel: "flavors: {onnx: {data: m.onnx}}\nsignature: {inputs: '[{'}\n" },
      /the inputs of its signature are not JSON/,
    ],
    [
      'a signature without types',
      { MLmodel: mlmodel({ outputs: [{ name: 'y' }] }) },
      /the outputs of its signature, 0.type: /,
    ],
    [
      'columns and tensors at once',
      { MLmodel: mlmodel({ inputs: [...columns('double', 'a'), tensor('float32', [-1])] }) },
      /the inputs of its signature mix columns and tensors/,
    ],
    [
      'a column twice',
      { MLmodel: mlmodel({ inputs: columns('double', 'a', 'b', 'a') }) },
      /the inputs of its signature have "a" twice/,
    ],
  ] as const) {
    it(`is refused with ${what}`, async () => {
      assert.match((await contentOf(files)) as string, problem);
    });
  }

  it('is refused when its artifact is a link out of the models', async () => {
    const flavors = { onnx: { data: 'linked.onnx' } };
    const content = await contentOf({ MLmodel: mlmodel({ flavors }) }, '/etc/hostname');
    assert.match(content as string, /linked.onnx is a link that leads nowhere, or out of the models folder/);
  });
});
