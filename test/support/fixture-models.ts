/** The odd models of test/fixtures, and the trained ones of the quickstart, as artifacts. */
import path from 'node:path';
import type { ModelArtifact } from '../../src/core/model.ts';

const root = path.resolve(import.meta.dirname, '../..');

export function fixture(name: string, version = 1): ModelArtifact {
  return onnx(path.join(root, 'test/fixtures/models'), name, version);
}

export function quickstart(name: string, version = 1): ModelArtifact {
  return onnx(path.join(root, 'examples/quickstart/models'), name, version);
}

function onnx(models: string, name: string, version: number): ModelArtifact {
  return { name, version, format: 'onnx', folder: path.join(models, name, String(version)), file: 'model.onnx' };
}
