/** Entry of the `servery` command. The Node.js version is checked by whoever starts it. */
import { runProgram } from './program.ts';

await runProgram(process.argv);
