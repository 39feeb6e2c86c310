/** Entry of the `servery` command. The Node.js version is checked by whoever starts it. */
import { enableCompileCache, getCompileCacheDir } from 'node:module';

// Compiled code is kept from one start to the next: a server starts in half the time. Threads and children find the
// folder in the environment.
enableCompileCache();
const folder = getCompileCacheDir();
if (folder !== undefined) process.env['NODE_COMPILE_CACHE'] ??= folder;

// For the processes that it starts; see runtime/onnx/onnx-runtime.ts.
process.env['ORT_DISABLE_TELEMETRY'] ??= '1';

const { runProgram } = await import('./program.ts');
await runProgram(process.argv);
