/**
 * The thread that owns one ONNX session.
 *
 * It reads the model, opens the session and runs it for every port that is connected, one run after the
 * other in the order in which they arrive. A run blocks the thread, so nothing else lives here, and the
 * thread is asked to end, never terminated: ending it inside a run would abort the process.
 */
import { parentPort, type MessagePort } from 'node:worker_threads';
import { systemClock } from '../../core/clock.ts';
import { ServeryError, toWireError } from '../../core/errors.ts';
import { isBytes, viewOf, type Tensor } from '../../core/tensor.ts';
import { isShapeSurprise } from './failures.ts';
import type { ExecutorCommand, ExecutorEvent, OpenCommand, RunReply, RunRequest } from './messages.ts';
import { readModel } from './read-model.ts';
import { createSessionRun, type SessionResult } from './session-run.ts';

/** The collector is in no hurry to free the bytes of a larger model; the end of the thread is. */
const SMALL = 1024 * 1024;

interface Served {
  readonly isSmall: boolean;
  connect(port: MessagePort): void;
  close(): void;
}

const control = parentPort!;
let served: Served | undefined;

control.on('message', (command: ExecutorCommand) => {
  switch (command.kind) {
    case 'open':
      try {
        served = serve(command);
      } catch (error) {
        send({ kind: 'failed', error: toWireError(error) });
      }
      return;
    case 'connect':
      // Without a model the closed port tells the runner.
      if (served === undefined) command.port.close();
      else served.connect(command.port);
      return;
    case 'close':
      served?.close();
      send({ kind: 'closed', isClean: served === undefined || served.isSmall });
      served = undefined;
      return;
    case 'end':
      control.close();
  }
});

function serve({ folder, file, options, runningSince }: OpenCommand): Served {
  const { session, signature, facts, bytes, size } = readModel(folder, file, options);
  const run = createSessionRun(session, signature);
  const ports = new Set<MessagePort>();
  // Off for good once a size was not what the graph promised.
  let prepared = true;

  const compute = ({ inputs, into, deadline }: RunRequest): SessionResult => {
    const now = systemClock.now();
    if (deadline !== undefined && now >= deadline) {
      throw new ServeryError('DEADLINE_EXCEEDED', 'The deadline passed before the model could run');
    }
    runningSince[0] = now;
    try {
      return run(inputs, prepared ? into : undefined);
    } catch (error) {
      if (!prepared || !isShapeSurprise((error as Error).cause)) throw error;
      prepared = false;
      return run(inputs);
    } finally {
      runningSince[0] = 0;
    }
  };

  const answer = (request: RunRequest): RunReply => {
    const { id, into } = request;
    try {
      const { outputs, computeMs } = compute(request);
      return { id, computeMs, outputs: outputs.map((output, i) => (prepared && into[i] ? null : shared(output))) };
    } catch (error) {
      const { cause, stack } = error as Error;
      // What ONNX Runtime itself said is for the log alone.
      const details = cause instanceof Error ? `${stack ?? ''}\n  caused by: ${cause.message}` : stack;
      return { id, error: { ...toWireError(error), stack: details } };
    }
  };

  send({ kind: 'opened', signature, facts, bytes });
  return {
    isSmall: size <= SMALL,
    connect(port) {
      ports.add(port);
      port.on('message', (request: RunRequest) => port.postMessage(answer(request)));
      port.on('close', () => {
        if (ports.delete(port)) send({ kind: 'disconnected' });
      });
    },
    close() {
      for (const port of ports) port.close();
      ports.clear();
      session.dispose();
    },
  };
}

/** In memory that the runner can read; ONNX Runtime's own belongs to this thread. */
function shared(output: Tensor): Tensor {
  const { datatype, shape, data } = output;
  if (isBytes(data) || datatype === 'BYTES') return output;
  const copy = viewOf(datatype, new SharedArrayBuffer(data.byteLength), 0, data.length);
  new Uint8Array(copy.buffer).set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  return { datatype, shape, data: copy };
}

function send(event: ExecutorEvent): void {
  control.postMessage(event);
}
