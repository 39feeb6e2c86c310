/**
 * ONNX Runtime's messages as texts that may be shown.
 *
 * Its own name source files, folders of the machine it was built on, paths of the artifact, and values of
 * the request. What a client may read of a failed run is which kind of node failed; what the owner of
 * a broken artifact reads is the reason, without what lies before it.
 */
import { ServeryError } from '../../core/errors.ts';

/** A run that failed. The whole message stays with the error, as its cause. */
export function runFailed(error: unknown): ServeryError {
  const [, operator] = /while running ([A-Za-z0-9_.]{1,64}) node/.exec(messageOf(error)) ?? [];
  const where = operator === undefined ? '' : ` in a ${operator} node`;
  return new ServeryError('MODEL_FAILED', `The model failed on this input${where}`, { cause: error });
}

/** A session that cannot be opened. */
export function loadFailed(error: unknown): ServeryError {
  if (error instanceof ServeryError) return error;
  return new ServeryError('MODEL_INVALID', `ONNX Runtime cannot load the model: ${reasonOf(messageOf(error))}`, {
    cause: error,
  });
}

/** True when the only thing wrong was the size of the arrays prepared for the outputs. */
export function isShapeSurprise(error: unknown): boolean {
  return /pre-allocated output|OrtValue provided for output/.test(messageOf(error));
}

const MAX_REASON = 300;

function reasonOf(message: string): string {
  const reason = message
    // Where in ONNX Runtime: file, line, and the function with all its arguments.
    .replace(/\/?(?:[\w.-]+\/)*[\w-]+\.(?:cc|h):\d+ (?:[\w:]+(?=\s[A-Z])|.*?\)(?: const)?(?=\s))\s*/g, '')
    .replace(/"(?:[A-Za-z]:)?[^"\n]*[\\/][^"\n]*"/g, '(a path)')
    .replace(/(?:[A-Za-z]:\\|\/)[\w.-]+(?:[\\/][\w.-]+)+/g, '(a path)')
    .replace(/\s+/g, ' ')
    .trim();
  if (reason === '') return 'it gives no reason';
  return reason.length > MAX_REASON ? `${reason.slice(0, MAX_REASON - 3)}...` : reason;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
