import type { ModelArtifact } from '../../src/core/model.ts';
import { createHandlerRuntime } from '../../src/runtime/handler/handler-runtime.ts';
import { testRuntimeContract } from './runtime-contract.ts';

const fixture = (name: string): ModelArtifact => {
  const folder = new URL(`../fixtures/handlers/${name}/1`, import.meta.url).pathname;
  return { name, version: 1, format: 'handler', folder, file: 'handler.ts' };
};

testRuntimeContract('the handler runtime', {
  createRuntime: createHandlerRuntime,
  doubler: fixture('doubler'),
  broken: fixture('broken'),
});
