/**
 * How a command leaves with a thread inside ONNX Runtime that never comes back: such a thread can be neither stopped
 * nor joined, and whoever exits waits for it.
 *
 * Becoming another program ends all threads of a process without asking them, and that program ends with the exit
 * code that the command has. Where a process cannot do that, SIGKILL is all that is left.
 */
export function leaveStuck(): void {
  process.once('exit', (code) => {
    try {
      process.execve?.('/bin/sh', ['sh', '-c', `exit ${code}`]);
    } catch {
      // No such program.
    }
    process.kill(process.pid, 'SIGKILL');
  });
}
