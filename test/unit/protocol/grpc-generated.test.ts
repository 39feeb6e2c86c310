import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { describeSources } from '../../../scripts/generate-protobuf.mjs';

test('the generated protobuf code was made from the .proto files as they are', () => {
  const recorded = new URL('../../../src/protocol/open-inference-grpc/gen/sources.sha256', import.meta.url);
  const hint = 'Run scripts/generate-protobuf.mjs again.';
  assert.equal(readFileSync(recorded, 'utf8'), describeSources(), hint);
});
