/** Files `MLmodel` as MLflow 3.17 writes them. */

interface Content {
  /** By name; `onnx` of `model.onnx` unless said otherwise. */
  readonly flavors?: Readonly<Record<string, object>>;
  readonly inputs?: readonly object[];
  readonly outputs?: readonly object[];
  readonly example?: { readonly type: string; readonly pandas_orient?: string };
}

export function mlmodel({
  flavors = { onnx: { data: 'model.onnx' } },
  inputs,
  outputs,
  example,
}: Content = {}): string {
  const quoted = (values: readonly object[] | undefined) =>
    values === undefined ? 'null' : `'${JSON.stringify(values).replaceAll("'", "''")}'`;
  const lines = ['artifact_path: model', 'flavors:'];
  for (const [name, fields] of Object.entries(flavors)) {
    lines.push(`  ${name}:`, ...Object.entries(fields).map(([key, value]) => `    ${key}: ${String(value)}`));
    lines.push('    code: null');
  }
  lines.push('is_signature_from_type_hint: false', 'mlflow_version: 3.17.2', 'model_id: null');
  if (example !== undefined) {
    lines.push('saved_input_example_info:', '  artifact_path: input_example.json');
    lines.push(...Object.entries(example).map(([key, value]) => `  ${key}: ${value}`));
  }
  lines.push('signature:', `  inputs: ${quoted(inputs)}`, `  outputs: ${quoted(outputs)}`, '  params: null');
  lines.push("utc_time_created: '2026-11-25 12:39:21.315746'");
  return `${lines.join('\n')}\n`;
}

export const columns = (type: string, ...names: readonly string[]) =>
  names.map((name) => ({ type, name, required: true }));

export const tensor = (dtype: string, shape: readonly number[], name?: string) => ({
  ...(name !== undefined && { name }),
  type: 'tensor',
  'tensor-spec': { dtype, shape },
});
