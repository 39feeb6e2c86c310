/** Reads what steps have printed, in pieces that never cut a character. */
import { open } from 'node:fs/promises';
import type { Engine } from '../engine/engine.ts';
import { quote, ServeryError } from '../core/errors.ts';
import { ACTIVE_STATES, type RunState } from '../engine/run.ts';
import type { LogPiece, LogQuery } from './job-api.ts';
import { logFile } from './run-files.ts';

/** @throws {ServeryError} `RUN_NOT_FOUND`, `NOT_FOUND` for a step or an attempt that the run does not have */
export async function readRunLog(engine: Engine, stateFolder: string, query: LogQuery): Promise<LogPiece> {
  const run = await engine.getRun(query.run);
  const steps = await engine.steps(run.id);
  const isRunOver = !(ACTIVE_STATES as readonly RunState[]).includes(run.state);
  const found = steps.findLast(
    ({ step, attempt }) =>
      (query.step === undefined || step === query.step) && (query.attempt === undefined || attempt === query.attempt),
  );
  if (found === undefined) {
    // A step that has not begun will print later; one that never did, or is not there, will not.
    if (!isRunOver) return { step: null, attempt: null, text: '', nextOffset: query.offset, isComplete: false };
    if (query.step === undefined && query.attempt === undefined) {
      return { step: null, attempt: null, text: '', nextOffset: query.offset, isComplete: true };
    }
    const what = `${query.step ?? 'any step'}, attempt ${query.attempt ?? 'any'}`;
    throw new ServeryError('NOT_FOUND', `Run ${quote(run.id)} has no log of ${quote(what)}`, {
      hint: 'Run `servery job show RUN` to see its steps and attempts.',
    });
  }
  const { step, attempt } = found;
  // Looked at before the file: what is written after that belongs to the next piece.
  const isOver = isRunOver || found.state !== 'running';
  const piece = await readPiece(logFile(stateFolder, run.id, step, attempt), query.offset, query.maxBytes, isOver);
  return { step, attempt, ...piece };
}

async function readPiece(
  path: string,
  offset: number,
  maxBytes: number,
  isOver: boolean,
): Promise<Pick<LogPiece, 'text' | 'nextOffset' | 'isComplete'>> {
  let file;
  try {
    file = await open(path, 'r');
  } catch (error) {
    // Nothing was printed yet, or retention has taken it.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { text: '', nextOffset: offset, isComplete: isOver };
    throw error;
  }
  try {
    const buffer = Buffer.alloc(maxBytes);
    const { bytesRead } = await file.read(buffer, 0, maxBytes, offset);
    const isLast = bytesRead < maxBytes && isOver;
    const whole = isLast ? bytesRead : wholeCharacters(buffer, bytesRead);
    return { text: buffer.toString('utf8', 0, whole), nextOffset: offset + whole, isComplete: isLast };
  } finally {
    await file.close();
  }
}

/** Bytes without a character at the end that is cut off. Bytes that are no UTF-8 count as whole. */
function wholeCharacters(bytes: Uint8Array, length: number): number {
  for (let back = 1; back <= Math.min(4, length); back += 1) {
    const byte = bytes[length - back]!;
    if ((byte & 0xc0) === 0x80) continue;
    const size = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return size > back ? length - back : length;
  }
  return length;
}
