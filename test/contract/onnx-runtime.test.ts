/** The ONNX runtime, on both of its ways: an executor thread, and a session in the caller's thread. */
import { fixture } from '../support/fixture-models.ts';
import { createOnnxRuntime } from '../../src/runtime/onnx/onnx-runtime.ts';
import { testRuntimeContract } from './runtime-contract.ts';

const createRuntime = () => createOnnxRuntime();
const doubler = fixture('doubler');
const broken = fixture('broken-truncated');

testRuntimeContract('the ONNX runtime in executors', { createRuntime, doubler, broken });
testRuntimeContract('the ONNX runtime inline', {
  createRuntime,
  doubler,
  broken,
  connect: (model) => model.connectInline!(),
});
